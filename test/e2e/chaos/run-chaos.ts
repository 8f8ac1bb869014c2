import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { freeBasePort } from '../../fixtures/free-base-port.ts';
import { temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { type NodeApi, untilRootsEqual } from '../node-api.ts';
import { NodeFamily, type NodeProcess } from '../node-process.ts';
import { type Acknowledged, ChaosClient } from './client.ts';
import { Faults } from './faults.ts';
import { ProxyNetwork } from './proxy-network.ts';

const nodeCount = 5;
const clientCount = 4;
const topic = 'chaos';
/** After everything is mended, until all hold the same; on a busy machine. */
const convergenceMs = 120_000;

export interface ChaosOptions {
  readonly seed: number;
  /** How long things are broken. */
  readonly seconds: number;
  /** Hears what happens. */
  readonly print: (line: string) => void;
}

/**
 * Real nodes, published at by several clients with `acks=2`, while one after another is killed or stopped, one loses its
 * data folder, and the network between them loses, delays, doubles, reorders and cuts off. Afterwards everything that was
 * acknowledged has to be everywhere, once and in order. The seed decides what is done; when it takes effect, the machine does.
 */
export async function runChaos({ seed, seconds, print }: ChaosOptions): Promise<void> {
  const startedMs = performance.now();
  const note = (what: string): void =>
    print(`${((performance.now() - startedMs) / 1_000).toFixed(2).padStart(6)} s  ${what}`);
  print(`seed ${seed}, ${seconds} s`);
  await using resources = new AsyncDisposableStack();
  const { path: dataDir } = resources.use(await temporaryFolder());
  const basePort = await freeBasePort(nodeCount);
  const random = new SeededRandom(seed);
  const network = resources.use(
    await ProxyNetwork.open({
      nodes: nodeCount,
      udpPort: (number) => basePort + 100 + number,
      httpPort: (number) => basePort + number,
      random: new SeededRandom(random.below(2 ** 32)),
    }),
  );
  const family = resources.use(await NodeFamily.create({ dataDir, basePort, hostOf: ProxyNetwork.hostOf }));
  const numbers = Array.from({ length: nodeCount }, (_, i) => i + 1);
  const nodes: (NodeProcess | undefined)[] = [undefined];
  for (const node of await Promise.all(numbers.map((number) => family.start(number)))) nodes.push(node);
  note('all nodes are ready');

  const apis = nodes.flatMap((node) => node?.api ?? []);
  const clients = Array.from(
    { length: clientCount },
    (_, i) => new ChaosClient(`client ${i + 1}`, topic, apis, new SeededRandom(random.below(2 ** 32))),
  );
  const faults = new Faults({ family, nodes, network, random: new SeededRandom(random.below(2 ** 32)), note });
  const over = new AbortController();
  const working = clients.map((client) => client.run(over.signal));
  const breaking = faults.run(AbortSignal.timeout(seconds * 1_000));
  await Promise.all([breaking, delay(seconds * 1_000)]);
  over.abort();
  await Promise.all(working);

  const acknowledged = clients.flatMap((client) => client.acknowledged);
  const failures = clients.reduce((sum, client) => sum + client.failures, 0);
  note(`${acknowledged.length} messages acknowledged, ${failures} attempts failed`);
  note(`${JSON.stringify(faults.counts)}; datagrams ${JSON.stringify(network.counts)}`);
  await requireAlive(family, nodes);
  await untilRootsEqual(apis, convergenceMs);
  note('all roots are equal');
  await checkMessages(apis, acknowledged);
  for (const client of clients) checkOrder(client.acknowledged);
  await checkFolders(family, nodes);
  note('everything that was acknowledged is everywhere, once and in order, and every data folder is sound');
}

/** No node ends by itself, whatever happens to the others. */
async function requireAlive(family: NodeFamily, nodes: readonly (NodeProcess | undefined)[]): Promise<void> {
  for (const [number, node] of nodes.entries()) {
    if (node?.hasEnded !== true) continue;
    throw new Error(`${node.api.name} ended by itself: ${(await family.lastLogLines(number, 5)).join('\n')}`);
  }
}

/** Every node shows every acknowledged message, none twice, and the same topic as all the others. */
async function checkMessages(apis: readonly NodeApi[], acknowledged: readonly Acknowledged[]): Promise<void> {
  let first: readonly string[] | undefined;
  for (const api of apis) {
    const shown = await api.topic(topic);
    const bodies = shown.map(({ body }) => body);
    assert.deepEqual(twice(bodies), [], `${api.name} shows messages twice`);
    const present = new Set(bodies);
    const lost = acknowledged.filter(({ body }) => !present.has(body));
    assert.deepEqual(lost, [], `${api.name} lost acknowledged messages`);
    const sequences = new Map<string, number>();
    for (const { origin, seq } of shown) {
      assert.ok(seq > (sequences.get(origin) ?? -1), `${api.name} shows ${seq} of ${origin} out of order`);
      sequences.set(origin, seq);
    }
    const ids = shown.map(({ id }) => id);
    first ??= ids;
    assert.deepEqual(ids, first, `${api.name} shows the topic differently`);
  }
}

function twice(bodies: readonly string[]): string[] {
  const seen = new Set<string>();
  return bodies.filter((body) => seen.size === seen.add(body).size);
}

/** A client publishes one message after another: those that one node took follow each other in its log. */
function checkOrder(acknowledged: readonly Acknowledged[]): void {
  const newest = new Map<string, Acknowledged>();
  for (const message of acknowledged) {
    const before = newest.get(message.origin);
    assert.ok(before === undefined || before.seq < message.seq, `${message.body} stands before ${before?.body}`);
    newest.set(message.origin, message);
  }
}

/** The nodes stop in order, without a defect in their logs, and their folders hold the same and nothing wrong. */
async function checkFolders(family: NodeFamily, nodes: readonly (NodeProcess | undefined)[]): Promise<void> {
  const heads: string[] = [];
  for (const [number, node] of nodes.entries()) {
    if (node === undefined) continue;
    assert.equal(await node.end('SIGTERM'), 0, node.api.name);
    assert.deepEqual(await family.fatalLogLines(number), [], node.api.name);
    const { ending, stdout, stderr } = await grapevine('fsck', '--json', family.folder(number));
    assert.equal(ending, 0, `${node.api.name}: ${stdout}${stderr}`);
    const { origins, problems } = JSON.parse(stdout);
    assert.deepEqual(problems, [], node.api.name);
    heads.push(
      JSON.stringify(origins.map(({ origin, size, root }: Record<string, unknown>) => ({ origin, size, root }))),
    );
  }
  assert.equal(new Set(heads).size, 1, 'the folders hold different logs');
}
