import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Fork, Member } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { verifyConsistency } from '@grapevine/shared/merkle/verify.ts';
import { OriginLog, type TestMessage } from '@grapevine/test/fixtures/origin-log.ts';
import { DataDamage } from '../store/damage.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { everything } from '../store/keys.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { createForkWatch, historyOf } from './fork-watch.fixture.ts';
import type { ForkWatch, PeerHistory } from './fork-watch.ts';
import { headFromJson } from './signed-head.ts';

const counters = { bootEpoch: 1, incarnation: 0, heartbeat: 1, messages: 0, versions: { lowest: 1, highest: 1 } };
const peer: Member = {
  name: 'node-2',
  origin: 'b'.repeat(32),
  http: 'http://127.0.0.1:9',
  udp: '127.0.0.1:9',
  state: 'alive',
  ...counters,
};

function messages(count: number, body?: string): TestMessage[] {
  return Array.from({ length: count }, () => (body === undefined ? {} : { body }));
}

async function storeWith(segments: readonly CheckedSegment[]): Promise<MemoryLogStore> {
  const store = await MemoryLogStore.open(fastTreeHash);
  for (const segment of segments) await store.log.commit([segment]);
  return store;
}

/** The log that `alice` wrote: `common` entries, and then others with this body in each life. */
function life(common: number, further: number, body: string): CheckedSegment[] {
  const alice = new OriginLog('alice');
  return [alice.segment(messages(common)), ...Array.from({ length: further }, () => alice.segment(messages(3, body)))];
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the fork watch', () => {
  let own: MemoryLogStore;
  let watch: ForkWatch;
  let history: PeerHistory;
  let told: Fork[];
  let damage: DataDamage[];

  beforeEach(async () => {
    own = await storeWith(life(40, 5, 'one story'));
    told = [];
    damage = [];
    const node = {
      members: () => [peer],
      onFork: (fork: Fork) => void told.push(fork),
      onDamage: (one: DataDamage) => void damage.push(one),
    };
    watch = createForkWatch(own.log, node, () => history);
  });
  afterEach(() => watch.stop());

  it('takes the same log, and more or less of it, for no fork', async () => {
    for (const [common, further] of [
      [40, 5],
      [40, 9],
      [40, 0],
      [40, 1],
    ] as const) {
      history = historyOf((await storeWith(life(common, further, 'one story'))).log);
      assert.deepEqual(await watch.compareWith(peer), []);
    }
    history = historyOf((await storeWith([])).log);
    assert.deepEqual(await watch.compareWith(peer), []);
    assert.deepEqual(watch.list(), []);
  });

  for (const [name, further] of [
    ['the same size', 5],
    ['a longer log', 8],
    ['a shorter log', 2],
  ] as const) {
    it(`locates a fork in ${name}, with evidence that convinces anybody`, async () => {
      history = historyOf((await storeWith(life(40, further, 'another'))).log);
      const [found] = await watch.compareWith(peer);
      assert.equal(found?.seq, 40);
      const [fork] = watch.list();
      assert.ok(fork !== undefined);
      assert.deepEqual(
        [fork.seq, fork.size, fork.peer, fork.endedMs],
        [40, Math.min(55, 40 + 3 * further), 'node-2', null],
      );
      for (const { head, root, path } of [fork.own, fork.other]) {
        assert.ok(nodeHeadVerifier.verify(headFromJson(head)));
        const [fromRoot, toRoot] = [Uint8Array.fromHex(root), Uint8Array.fromHex(head.root)];
        const hashes = path.map((hash) => Uint8Array.fromHex(hash));
        const [from, to]: number[] = [fork.size, head.size];
        assert.ok(
          verifyConsistency({ hash: fastTreeHash, from: from ?? 0, to: to ?? 0, path: hashes, fromRoot, toRoot }),
        );
      }
      assert.notEqual(fork.own.root, fork.other.root);
      assert.notEqual(fork.own.id, fork.other.id);
      assert.equal(watch.counts.open, 1);
    });
  }

  it('keeps what was first found, and notes when it is over and when it is back', async () => {
    const forked = historyOf((await storeWith(life(40, 5, 'another'))).log);
    history = forked;
    await watch.compareWith(peer);
    const [first] = watch.list();
    await watch.compareWith(peer);
    assert.deepEqual([watch.list().length, watch.counts.found, watch.list()[0]?.foundMs], [1, 1, first?.foundMs]);
    assert.equal(told.length, 2, 'whoever acts on it may have to try again');
    history = historyOf(own.log);
    await watch.compareWith(peer);
    assert.deepEqual([typeof watch.list()[0]?.endedMs, watch.counts.open], ['number', 0]);
    history = forked;
    await watch.compareWith(peer);
    assert.deepEqual([watch.list().length, watch.list()[0]?.endedMs, watch.counts.open], [1, null, 1]);
    assert.deepEqual(createForkWatch((await own.crash()).log, { members: () => [] }, () => history).list().length, 1);
  });

  it('does not believe a peer that cannot prove what it says', async () => {
    const other = await storeWith(life(40, 8, 'another'));
    const honest = historyOf(other.log);
    const isRefused = (error: unknown) => error instanceof GrapevineError && error.code === 'UPSTREAM_FAILED';
    const tree = honest.treeOf(new OriginLog('alice').id);
    const lies: PeerHistory[] = [
      { ...honest, treeOf: () => ({ ...tree, consistency: async () => [] }) },
      { ...honest, treeOf: () => ({ ...tree, below: async () => new Uint8Array(256) }) },
      {
        ...honest,
        heads: async () => {
          const { heads } = await honest.heads();
          return { heads: heads.map((head) => ({ ...head, root: '0'.repeat(64), size: 55 })) };
        },
      },
    ];
    for (const lie of lies) {
      history = lie;
      await assert.rejects(watch.compareWith(peer), isRefused);
    }
    assert.deepEqual(watch.list(), []);
  });

  it('takes damage on either side for no fork', async () => {
    const sound = await storeWith(life(40, 8, 'one story'));
    const damagedPeer = await storeWith(life(40, 8, 'one story'));
    for (const [key, value] of [...damagedPeer.disk.range('tiles', everything)]) {
      await damagedPeer.disk.write([{ table: 'tiles', key, value: value.map((byte) => byte ^ 1) }]);
    }
    history = historyOf(damagedPeer.log);
    await assert.rejects(watch.compareWith(peer), GrapevineError);
    history = historyOf(sound.log);
    for (const [key, value] of [...own.disk.range('tiles', everything)]) {
      await own.disk.write([{ table: 'tiles', key, value: value.map((byte) => byte ^ 1) }]);
    }
    await assert.rejects(watch.compareWith(peer), DataDamage);
    assert.deepEqual(watch.list(), []);
    watch.start();
    await until(() => damage.length > 0);
  });

  it('compares with whoever is new, by itself', async () => {
    history = historyOf((await storeWith(life(40, 5, 'another'))).log);
    watch.start();
    await until(() => told.length > 0);
    assert.equal(watch.counts.comparisons.forked > 0, true);
  });
});
