/** The service as its tests use it: a listening server before a cluster of in-memory nodes. */
import { systemClock } from '@grapevine/shared/clock.ts';
import { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import {
  type Identity,
  IdentitySigner,
  IdentityVerifier,
  identityHeader,
} from '@grapevine/shared/identity/identity.ts';
import { fixedKey } from '@grapevine/shared/identity/identity-keys.ts';
import { type Scope, scopes } from '@grapevine/shared/identity/scopes.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { type FakeCluster, startFakeCluster } from '@grapevine/test/fixtures/fake-node.ts';
import { createMobileServer } from './server.ts';

const edgeKeys = fixedKey(new Uint8Array(32).fill(1));
const nodeKeys = fixedKey(new Uint8Array(32).fill(2));

export const maxRequestBytes = 512 * 1024;

export interface MobileUnderTest {
  readonly cluster: FakeCluster;
  readonly port: number;
  /** Lines that the service logged, parsed. */
  readonly logged: readonly Record<string, unknown>[];
  /** Sends a request to `path` under `/mobile/v1` as somebody with every scope. */
  call(path: string, init?: RequestInit): Promise<Response>;
  /** Publishes and answers the JSON of the 201. */
  publish(topic: string, body: string, more?: Record<string, unknown>): Promise<Published>;
  /** An identity header as the gateway makes it. */
  identity(identity?: Partial<Identity>): Record<string, string>;
  stop(): Promise<void>;
}

export interface Published {
  readonly id: string;
  readonly origin: string;
  readonly seq: number;
  readonly heldBy: number;
  readonly token: string;
}

export async function startMobile(nodes = 3, requestTimeoutMs = 8_000): Promise<MobileUnderTest> {
  const cluster = await startFakeCluster(nodes, nodeKeys);
  const logged: Record<string, unknown>[] = [];
  const client = new ClusterClient({
    name: 'bff-mobile',
    seeds: cluster.seeds,
    signer: new IdentitySigner(nodeKeys, 'node', systemClock),
    clock: systemClock,
    random: new SeededRandom(1),
    requestTimeoutMs,
  });
  const changes = client.followChanges();
  const server = createMobileServer({
    client,
    changes,
    verifier: new IdentityVerifier(edgeKeys, 'bff', systemClock),
    clock: systemClock,
    log: createLogger({
      name: 'bff-mobile',
      level: 'info',
      destination: { write: (line) => logged.push(JSON.parse(line)) },
    }),
    registry: createMetrics('bff-mobile', 'test'),
    maxRequestBytes,
  });
  const http = await listen(server, { name: 'bff-mobile', host: '127.0.0.1', port: 0, portFlag: '-', drainMs: 0 });
  const signer = new IdentitySigner(edgeKeys, 'bff', systemClock);
  const identity = ({ subject = 'ada', scopes: granted = scopes }: Partial<Identity> = {}) => ({
    [identityHeader]: signer.sign({ subject, scopes: granted }),
  });
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${http.url}/mobile/v1${path}`, { ...init, headers: { ...identity(), ...headersOf(init) } });
  return {
    cluster,
    port: http.port,
    logged,
    identity,
    call,
    async publish(topic, body, more = {}) {
      const response = await call(`/topics/${encodeURIComponent(topic)}/messages`, post({ body, ...more }));
      if (response.status !== 201) throw new Error(`Expected 201, found ${response.status}: ${await response.text()}`);
      return (await response.json()) as Published;
    },
    async stop() {
      await changes.stop();
      await http.stop();
      await client.stop();
      await cluster.stop();
    },
  };
}

/** A POST of `body` as JSON. */
export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } };
}

/** Only these scopes, for requests that are to be refused. */
export function withScopes(mobile: MobileUnderTest, ...granted: Scope[]): RequestInit {
  return { headers: mobile.identity({ scopes: granted }) };
}

function headersOf(init: RequestInit): Record<string, string> {
  return Object.fromEntries(new Headers(init.headers));
}
