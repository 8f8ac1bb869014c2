import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { systemClock } from '@grapevine/shared/clock.ts';
import { type PublishRequestInput, publishRequestSchema } from '@grapevine/shared/contracts/node-api.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { AheadVerifier } from './catch-up/ahead-verifier.ts';
import type { SegmentSource } from './catch-up/segment-stream.ts';
import { createRepairs, createScrubber } from './damage/scrubber.fixture.ts';
import { idleForkWatch } from './forks/fork-watch.fixture.ts';
import { ClusterNode } from './node.ts';
import type { PublishOutcome } from './node-service.ts';
import { signerFromKey } from './store/ed25519.ts';
import { fastTreeHash } from './store/fast-tree-hash.ts';
import { MemoryLogStore } from './store/memory-log-store.ts';
import { MemoryNetwork } from './transport/memory-transport.ts';
import { SealedTransport } from './transport/sealed-transport.ts';
import type { Address } from './wire/messages.ts';
import { PlainOpener, PlainSealer } from './wire/plain.ts';
import { spokenVersions } from './wire/version.ts';

const maxDatagramBytes = 1_400;
/** For anything that is waited for, in milliseconds. */
const patienceMs = 10_000;
const log = createLogger({ name: 'test', level: 'silent' });
const running: ClusterNode[] = [];
const stores = new Map<number, MemoryLogStore>();

interface TestNode {
  readonly node: ClusterNode;
  readonly store: MemoryLogStore;
  publish(request: PublishRequestInput): Promise<PublishOutcome>;
}

/** What the store of `peer` holds. */
const segments: SegmentSource = async function* (peer, { origins, since }) {
  const log = stores.get(peer.http.port)?.log;
  for (const origin of origins) yield log?.segmentsFrom(origin, since.get(origin) ?? 0, Number.POSITIVE_INFINITY) ?? [];
};

/** Nodes on disks and a network in memory, in real time. */
async function startNodes(count: number): Promise<TestNode[]> {
  const network = new MemoryNetwork();
  const addresses = Array.from({ length: count }, (_, i): Address => ({ host: '127.0.0.1', port: i + 1 }));
  return Promise.all(addresses.map((address, i) => startNode(network, address, addresses.toSpliced(i, 1))));
}

async function startNode(network: MemoryNetwork, address: Address, seeds: readonly Address[]): Promise<TestNode> {
  const random = new SeededRandom(address.port);
  const signer = signerFromKey(random.bytes(32));
  const store = await MemoryLogStore.open(fastTreeHash);
  stores.set(address.port, store);
  const { origin } = signer;
  const node = new ClusterNode({
    options: {
      self: {
        name: `node-${address.port}`,
        origin,
        bootEpoch: 1,
        incarnation: 0,
        heartbeat: 0,
        state: 'alive',
        versions: spokenVersions,
        udp: address,
        http: address,
        tls: false,
        catchingUp: false,
      },
      seeds,
      intervalMs: 20,
      fanout: 2,
      maxDatagramBytes,
      seedsOnly: false,
      expectsPeers: false,
      suspectAfterMs: 2_000,
      deadAfterMs: 10_000,
      forgetAfterMs: 3_600_000,
      queueBytes: 1024 * 1024,
      catchUpBytes: 16 * 1024,
      smallestRetentionMs: Number.POSITIVE_INFINITY,
    },
    ports: { hash: fastTreeHash, signer, random },
    verifier: new AheadVerifier(),
    segments,
    store: store.log,
    views: store.log.views,
    scrubber: createScrubber(store.log),
    repairs: createRepairs(store.log),
    forks: idleForkWatch(store.log),
    transport: new SealedTransport({
      transport: network.open(address),
      sealer: new PlainSealer(origin),
      opener: new PlainOpener(origin),
      maxDatagramBytes,
    }),
    clock: systemClock,
    log,
    raiseBootEpoch: () => {},
    maxBodyBytes: 1_000,
  });
  running.push(node);
  const publish = (request: PublishRequestInput) => node.publish('ada', publishRequestSchema.parse(request));
  return { node, store, publish };
}

function sole(nodes: readonly TestNode[]): TestNode {
  const [first] = nodes;
  assert.ok(first !== undefined);
  return first;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

describe('a node', () => {
  it('places messages, shows them, and lets readers wait for them', async () => {
    const { node, publish } = sole(await startNodes(1));
    const reached = node.waitFor(new Map([[node.origin, 2]]), 5_000);
    const { results, acknowledged } = await publish({
      messages: [
        { topic: 'a', body: 'x' },
        { topic: 'b', body: 'y' },
      ],
    });
    assert.deepEqual([results.map(({ seq }) => seq), acknowledged], [[0, 1], true]);
    assert.equal(await reached, true);
    assert.equal(node.views.message(results[1]?.id ?? '')?.entry.topic, 'b');
    assert.equal(await node.waitFor(new Map([[node.origin, 3]]), 1), false);
  });

  it('takes a message once, however often its key comes: in one batch, at once, and later', async () => {
    const { node, publish } = sole(await startNodes(1));
    const message = { topic: 'a', body: 'x', idempotencyKey: 'k' };
    const [batch, other] = await Promise.all([
      publish({ messages: [message, message] }),
      publish({ messages: [message] }),
    ]);
    const later = await publish({ messages: [message] });
    const all = [...batch.results, ...other.results, ...later.results];
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
    assert.deepEqual(
      all.map(({ duplicate }) => duplicate),
      [false, true, true, true],
    );
    assert.equal(node.views.count(), 1);
  });

  it('refuses a body over its limit and texts that no entry holds, and takes nothing of the batch', async () => {
    const { node, publish } = sole(await startNodes(1));
    const good = { topic: 'a', body: 'x' };
    await assert.rejects(publish({ messages: [good, { topic: 'a', body: 'x'.repeat(1_001) }] }), {
      code: 'PAYLOAD_TOO_LARGE',
    });
    await assert.rejects(publish({ messages: [good, { topic: 'a', body: 'x', key: '€'.repeat(200) }] }), {
      code: 'INVALID_ARGUMENT',
    });
    assert.equal(node.views.count(), 0);
  });

  it('answers at its deadline with the true number of holders when too few have the message', async () => {
    const { publish } = sole(await startNodes(1));
    const { acknowledged, results } = await publish({ messages: [{ topic: 'a', body: 'x' }], acks: 2, timeoutMs: 20 });
    assert.deepEqual([acknowledged, results[0]?.heldBy], [false, 1]);
  });

  it('acknowledges a repeated message only when enough nodes hold it, wherever it is repeated', async () => {
    const network = new MemoryNetwork();
    const [a, b] = [1, 2].map((port): Address => ({ host: '127.0.0.1', port }));
    assert.ok(a !== undefined && b !== undefined);
    const first = await startNode(network, a, []);
    const request = { messages: [{ topic: 'a', body: 'x', idempotencyKey: 'k' }], acks: 2, timeoutMs: 20 };
    for (const repeated of [false, true]) {
      const { acknowledged, results } = await first.publish(request);
      assert.deepEqual([acknowledged, results[0]?.heldBy, results[0]?.duplicate], [false, 1, repeated]);
    }
    const second = await startNode(network, b, [a]);
    await untilReady(second.node);
    const patient = { ...request, timeoutMs: patienceMs };
    const once = await first.publish(patient);
    assert.deepEqual([once.acknowledged, once.results[0]?.heldBy], [true, 2]);
    const told = await first.publish({ ...request, acks: 1, timeoutMs: 0 });
    assert.deepEqual([told.acknowledged, told.results[0]?.heldBy], [true, 2], 'who asks for one is told of all');
    const elsewhere = await second.publish(patient);
    assert.deepEqual([elsewhere.acknowledged, elsewhere.results[0]?.heldBy], [true, 2]);
    assert.equal(elsewhere.results[0]?.id, once.results[0]?.id);
    const tooMany = await second.publish({ ...request, acks: 3 });
    assert.deepEqual([tooMany.acknowledged, tooMany.results[0]?.heldBy], [false, 2]);
  });

  it('counts as holders those that said that they flushed the message', async () => {
    const nodes = await startNodes(3);
    await Promise.all(nodes.map(({ node }) => untilReady(node)));
    const { acknowledged, results } = await sole(nodes).publish({ messages: [{ topic: 'a', body: 'x' }], acks: 3 });
    assert.deepEqual([acknowledged, results[0]?.heldBy], [true, 3]);
    for (const { node } of nodes) assert.equal(node.views.count(), 1);
  });

  it('counts the third node also where a message is repeated that another node wrote', async () => {
    const nodes = await startNodes(3);
    await Promise.all(nodes.map(({ node }) => untilReady(node)));
    const [first, second] = nodes;
    assert.ok(first !== undefined && second !== undefined);
    const request = { messages: [{ topic: 'a', body: 'x', idempotencyKey: 'k' }], acks: 3, timeoutMs: patienceMs };
    const once = await first.publish(request);
    const again = await second.publish(request);
    assert.equal(again.results[0]?.id, once.results[0]?.id);
    assert.deepEqual([again.acknowledged, again.results[0]?.heldBy], [true, 3]);
    const tooMany = await second.publish({ ...request, acks: 4, timeoutMs: 20 });
    assert.equal(tooMany.acknowledged, false);
  });

  it('meets the peers that its registry names later', async () => {
    const network = new MemoryNetwork();
    const [a, b] = [1, 2].map((port): Address => ({ host: '127.0.0.1', port }));
    assert.ok(a !== undefined && b !== undefined);
    const alone = await startNode(network, a, []);
    const other = await startNode(network, b, []);
    alone.node.useSeeds([b]);
    await until(() => other.node.members().length === 2 && alone.node.members().length === 2);
  });

  it('answers 503 when its queue is full, and loses nothing of what it took', async () => {
    const { node, store, publish } = sole(await startNodes(1));
    store.disk.hold();
    // The next ones are more than the queue of 1 MiB holds.
    const first = publish({ messages: [{ topic: 'a', body: 'first' }] });
    await until(() => node.replica.queueBytes === 0 && !node.replica.idle);
    const bodies = Array.from({ length: 2_000 }, (_, i) => `${i} `.padEnd(1_000, '.'));
    let answers = 0;
    const answered = (): void => void answers++;
    const outcomes = Promise.allSettled(
      bodies.map((body) => publish({ messages: [{ topic: 'a', body }] }).finally(answered)),
    );
    await until(() => answers > 0);
    store.disk.release();
    await first;
    const refused = (await outcomes).filter((outcome) => outcome.status === 'rejected');
    assert.ok(refused.length > 0 && refused.length < bodies.length);
    for (const { reason } of refused) assert.deepEqual([reason.code, reason.retryAfterSeconds], ['OVERLOADED', 1]);
    assert.equal(node.views.count(), 1 + bodies.length - refused.length);
  });

  it('lets no more publishes wait for other nodes than it can look after', async () => {
    const { publish } = sole(await startNodes(1));
    const message = { topic: 'a', body: 'x' };
    const waiting = Array.from({ length: 4_096 }, () => publish({ messages: [message], acks: 2, timeoutMs: 30_000 }));
    await publish({ messages: [message] });
    await assert.rejects(publish({ messages: [message], acks: 2 }), { code: 'OVERLOADED', retryAfterSeconds: 1 });
    assert.equal((await publish({ messages: [message] })).acknowledged, true, 'who asks for no others is taken');
    await Promise.all(running.splice(0).map((node) => node.stop()));
    for (const { acknowledged } of await Promise.all(waiting)) assert.equal(acknowledged, false);
  });

  it('lets a bounded number of readers wait, and tells the others at once', async () => {
    const { node, publish } = sole(await startNodes(1));
    const next = new Map([[node.origin, 1]]);
    const waiting = Array.from({ length: 10_000 }, () => node.waitFor(next, 30_000));
    assert.equal(await node.waitFor(next, 30_000), false);
    await publish({ messages: [{ topic: 'a', body: 'x' }] });
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([true]));
    assert.equal(await Promise.race([node.waitFor(new Map([[node.origin, 2]]), 30_000), 'waits']), 'waits');
  });

  it('goes on reading and gossiping while its disk hangs, and takes up what waited when it comes to', async () => {
    const network = new MemoryNetwork();
    const [a, b] = [1, 2].map((port): Address => ({ host: '127.0.0.1', port }));
    assert.ok(a !== undefined && b !== undefined);
    const hung = await startNode(network, a, []);
    await hung.publish({ messages: [{ topic: 'a', body: 'before' }] });
    hung.store.disk.hold();
    const waiting = hung.publish({ messages: [{ topic: 'a', body: 'meanwhile' }] });
    await until(() => hung.store.disk.waiting);
    // It answers a newcomer, keeps up with the membership, and shows what is flushed and nothing else.
    const other = await startNode(network, b, [a]);
    await until(() => other.node.views.count() === 1 && hung.node.members().length === 2);
    const page = hung.node.views.page({ topic: 'a', limit: 10, direction: 'forward' });
    assert.deepEqual(
      page.items.map(({ entry }) => Buffer.from(entry.body).toString()),
      ['before'],
    );
    assert.deepEqual(
      other.node.members().map(({ state }) => state),
      ['alive', 'alive'],
    );
    hung.store.disk.release();
    await waiting;
    await until(() => other.node.views.count() === 2);
  });

  it('refuses publishes that its disk did not take, and goes on when it takes them again', async () => {
    const { node, store, publish } = sole(await startNodes(1));
    store.disk.hold();
    const lost = publish({ messages: [{ topic: 'a', body: 'x' }] });
    const failed = assert.rejects(lost, { code: 'OUTCOME_UNKNOWN' });
    await until(() => node.replica.queueBytes === 0 && !node.replica.idle);
    store.disk.fail(new Error('the disk is full'));
    await failed;
    assert.match(node.unready() ?? '', /the disk is full/);
    assert.equal(node.views.count(), 0);
    store.disk.release();
    const isTaken = () =>
      publish({ messages: [{ topic: 'a', body: 'again' }] }).then(
        () => true,
        () => false,
      );
    const deadlineMs = systemClock.monotonicMs() + patienceMs;
    while (!(await isTaken())) assert.ok(systemClock.monotonicMs() < deadlineMs, 'the disk was never tried again');
    assert.equal(node.unready(), undefined);
  });

  it('stops although a publish still waits for holders that will never come', async () => {
    const { node, publish } = sole(await startNodes(1));
    const waiting = publish({ messages: [{ topic: 'a', body: 'x' }], acks: 2, timeoutMs: 30_000 });
    await until(() => node.views.count() === 1);
    await node.stop();
    const { acknowledged, results } = await waiting;
    assert.deepEqual([acknowledged, results[0]?.heldBy], [false, 1]);
  });
});

function untilReady(node: ClusterNode): Promise<void> {
  return until(() => node.unready() === undefined);
}

async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + patienceMs;
  while (!isSo()) {
    assert.ok(systemClock.monotonicMs() < deadlineMs, 'what was waited for did not happen');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
