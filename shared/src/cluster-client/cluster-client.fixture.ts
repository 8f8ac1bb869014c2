/** A cluster client before in-memory nodes, and before servers that misbehave. */
import { createServer, type RequestListener } from 'node:http';
import { type FakeCluster, startFakeCluster } from '@grapevine/test/fixtures/fake-node.ts';
import { systemClock } from '../clock.ts';
import type { Member } from '../contracts/node-api.ts';
import { type ListeningServer, listen } from '../http/listen.ts';
import { IdentitySigner } from '../identity/identity.ts';
import { fixedKey } from '../identity/identity-keys.ts';
import { scopes } from '../identity/scopes.ts';
import { SeededRandom } from '../random.ts';
import type { Caller } from './caller.ts';
import type { CallObserver } from './cluster-calls.ts';
import { ClusterClient } from './cluster-client.ts';

const keys = fixedKey(new Uint8Array(32).fill(7));

export const ada: Caller = { identity: { subject: 'ada', scopes } };

export interface ClientUnderTest extends AsyncDisposable {
  readonly cluster: FakeCluster;
  readonly client: ClusterClient;
}

/** A client whose seeds are all the nodes of a fresh cluster. */
export async function startClient(nodes = 3, requestTimeoutMs = 2_000): Promise<ClientUnderTest> {
  const cluster = await startFakeCluster(nodes, keys);
  const client = clientFor(cluster.seeds, requestTimeoutMs);
  return {
    cluster,
    client,
    async [Symbol.asyncDispose]() {
      await client.stop();
      await cluster.stop();
    },
  };
}

export function clientFor(
  seeds: readonly string[],
  requestTimeoutMs = 2_000,
  onAttempt: CallObserver = () => {},
): ClusterClient {
  return new ClusterClient({
    name: 'test',
    seeds,
    signer: new IdentitySigner(keys, 'node', systemClock),
    clock: systemClock,
    random: new SeededRandom(1),
    requestTimeoutMs,
    onAttempt,
  });
}

export interface ScriptedNode extends AsyncDisposable {
  readonly url: string;
  /** Paths asked for, without those for the membership. */
  readonly asked: string[];
}

/** A server that names itself and `others` as members, and answers everything else as `handle` does. */
export async function startScriptedNode(
  handle: RequestListener,
  others: readonly string[] = [],
): Promise<ScriptedNode> {
  const asked: string[] = [];
  const server: ListeningServer = await listen(
    createServer((request, response) => {
      if (request.url === '/v1/members') {
        const members = [server.url, ...others].map(memberAt);
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ self: 'node-0', members }));
        return;
      }
      asked.push(request.url ?? '');
      handle(request, response);
    }),
    { name: 'scripted', host: '127.0.0.1', port: 0, portFlag: '-', drainMs: 0 },
  );
  return { url: server.url, asked, [Symbol.asyncDispose]: () => server.stop() };
}

function memberAt(http: string, index: number): Member {
  const counters = { bootEpoch: 1, incarnation: 1, heartbeat: 1, versions: { lowest: 1, highest: 1 }, messages: 0 };
  return { name: `node-${index}`, origin: '0'.repeat(32), http, udp: '127.0.0.1:9', state: 'alive', ...counters };
}

/** Waits until `condition` holds; throws after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('The condition did not come true within five seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
