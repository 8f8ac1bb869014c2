import assert from 'node:assert/strict';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { type Accepted, ApiError, type Client, MobileClient, WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';

const topic = 'isolation';
const isolated = 'node-3';
/** A hung node costs a call half of this before another one is asked. */
const requestTimeoutMs = 3_000;
/** Comes on top of that for a publish that a hung node got. */
const waitForAcksMs = 1_000;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let nodes: readonly NodeApi[];
let clients: readonly Client[];
/** What was accepted so far. */
const accepted: Accepted[] = [];

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  const environment = {
    GRAPEVINE_BFF_WEB__REQUEST_TIMEOUT_MS: `${requestTimeoutMs}`,
    GRAPEVINE_BFF_MOBILE__REQUEST_TIMEOUT_MS: `${requestTimeoutMs}`,
  };
  cluster = resources.adopt(await startCluster({ dataDir, environment }), stopCluster);
  nodes = nodeApis(cluster);
  const { gateway, tokens } = cluster;
  clients = [new WebClient(gateway, tokens.web), new MobileClient(gateway, tokens.mobile)];
  for (const client of clients) accepted.push(await client.publish({ topic, body: 'before', acks: nodes.length }));
});

async function publish(client: Client, body: string, acks = 1): Promise<void> {
  accepted.push(await client.publish({ topic, body, acks, idempotencyKey: body, timeoutMs: waitForAcksMs }));
}

const statusSchema = z.object({
  verdict: z.string(),
  nodes: z.array(
    z.object({ name: z.string(), state: z.string(), reachable: z.boolean(), messages: z.int().nullable() }),
  ),
  pairs: z.array(z.object({ a: z.string(), b: z.string(), state: z.string(), by: z.int() })),
});

async function status() {
  const { ending, stdout, stderr } = await grapevine('status', '--json', '--data-dir', cluster.dataDir);
  return { ending, stderr, ...statusSchema.parse(JSON.parse(stdout)) };
}

/**
 * Reads everything that two nodes held when it was accepted, over and over through both APIs, until `signal` aborts; any error
 * ends it. What one node alone holds cannot be read while that one is dead.
 */
async function readOn(signal: AbortSignal): Promise<number> {
  let reads = 0;
  while (!signal.aborted) {
    const readable = accepted.filter(({ heldBy }) => heldBy >= 2);
    for (const client of clients) {
      const { id } = readable[reads % readable.length] ?? { id: '' };
      assert.equal((await client.message(id))?.id, id);
      reads += 1;
    }
  }
  return reads;
}

test('while a node hangs the others go on, and the operator sees which one it is', async () => {
  const { pid } = await cluster.process(isolated);
  process.kill(pid, 'SIGSTOP');
  try {
    for (let number = 0; number < 20; number++) {
      for (const [i, client] of clients.entries()) await publish(client, `while it hangs ${i} ${number}`, 2);
    }
    for (const { id } of accepted) {
      for (const client of clients) assert.equal((await client.message(id))?.id, id);
    }
    const seen = await until('the others suspect it', async () => {
      const now = await status();
      return now.nodes.some(({ name, state }) => name === isolated && state !== 'alive') && now;
    });
    assert.equal(seen.ending, 2, seen.stderr);
    assert.equal(seen.verdict, 'unreachable');
    assert.deepEqual(
      seen.nodes.filter(({ reachable }) => !reachable).map(({ name }) => name),
      [isolated],
    );
    const others = seen.pairs.filter(({ a, b }) => a !== isolated && b !== isolated);
    assert.deepEqual(
      others.map(({ state }) => state),
      ['equal'],
    );
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});

test('once it goes on it catches up, is trusted again, and roots are equal', async () => {
  await untilRootsEqual(nodes);
  for (const node of nodes) {
    const found = await node.messages(accepted.map(({ id }) => id));
    assert.equal(found.filter((message) => message === null).length, 0, node.name);
    // What waited in the hung node was carried out elsewhere meanwhile.
    const bodies = (await node.topic(topic)).map(({ body }) => body);
    const repeated = bodies.filter((body, i) => body !== 'before' && bodies.indexOf(body) !== i);
    assert.deepEqual(repeated, [], node.name);
  }
  const seen = await until('everybody is alive again', async () => {
    const now = await status();
    return now.nodes.every(({ state }) => state === 'alive') && now;
  });
  assert.equal(seen.ending, 0, seen.stderr);
  assert.equal(seen.verdict, 'equal');
  for (const client of clients) await publish(client, `afterwards ${clients.indexOf(client)}`, nodes.length);
});

test('reads and repeatable publishes see nothing of nodes that are killed one after another', async () => {
  const enough = new AbortController();
  const readers = [readOn(enough.signal), readOn(enough.signal)];
  const publishing = clients.map(async (client, i) => {
    for (let number = 0; !enough.signal.aborted; number++) await publish(client, `while nodes die ${i} ${number}`, 2);
  });
  const killing = async (): Promise<void> => {
    for (const { name } of nodes) await cluster.killAndAwait(name);
  };
  await Promise.race([killing(), ...readers, ...publishing]);
  enough.abort();
  const reads = await Promise.all(readers);
  await Promise.all(publishing);
  assert.ok(
    reads.every((count) => count > 20),
    `${reads}`,
  );
  await untilRootsEqual(nodes);
});

test('with no node left clients are told to try again, and are served when one is back', async () => {
  // What nobody has read yet: the gateway still has what others have.
  for (const client of clients) await publish(client, `unread ${clients.indexOf(client)}`, nodes.length);
  const unread = accepted.slice(-clients.length).map(({ id }) => id);
  // Stopped, not killed: nothing brings them back but this test.
  const pids = (await cluster.readFile()).processes.filter(({ udp }) => udp !== undefined).map(({ pid }) => pid);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    for (const client of clients) {
      for (const id of unread) {
        await assert.rejects(client.message(id), (error) => error instanceof ApiError && error.status >= 503);
      }
    }
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
  for (const client of clients) {
    await until('reads work again', async () => (await client.message(unread[0] ?? '')) !== undefined);
    await publish(client, `at last ${clients.indexOf(client)}`, nodes.length);
  }
  await untilRootsEqual(nodes);
  assert.equal(await cluster.stop(), 0, await cluster.errors());
  assert.deepEqual(await cluster.fatalLogLines(), []);
});
