import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { decodeSegment, type Segment } from '../wire/segment.ts';
import { CatchUp } from './catch-up.ts';
import type { ReplicaEffect } from './events.ts';
import { FlushedLog } from './flushed-log.ts';
import { record } from './member.fixture.ts';
import { draft, TestOrigin, tipsOver, withoutBodies } from './origin.fixture.ts';

const ownOrigin = '0a'.repeat(16);
const peer = record(2, { origin: '0b'.repeat(16) });
const thresholdBytes = 10_000;

describe('a catch-up', () => {
  let origin: TestOrigin;
  let flushed: FlushedLog;
  let catchUp: CatchUp;
  let effects: ReplicaEffect[];

  beforeEach(() => {
    origin = new TestOrigin(1);
    flushed = new FlushedLog(fastTreeHash, []);
    effects = [];
    catchUp = new CatchUp(thresholdBytes, { tips: tipsOver(), flushed, emit: (effect) => effects.push(effect) });
  });

  const name = (): string => origin.signer.origin;
  const begin = (nowMs = 0, size = 1_000): boolean => catchUp.begin(peer, new Map([[name(), size]]), ownOrigin, nowMs);
  const stream = (): number => {
    const last = effects.findLast((effect) => effect.type === 'catch-up');
    assert.ok(last?.type === 'catch-up');
    return last.stream;
  };
  /** Has seen entries that weigh about 1,100 bytes each. */
  const seeWeights = (): void => catchUp.weigh(new TestOrigin(9).write(draft(1_000)));
  const segments = (count: number): Segment[] => Array.from({ length: count }, () => origin.segment(2).segment);

  it('begins when more bytes are lacking than the threshold, judged by the segments seen last', () => {
    assert.equal(begin(), false, 'nobody knows yet what an entry weighs');
    seeWeights();
    assert.equal(begin(0, 5), false);
    assert.equal(begin(0, 50), true);
    assert.equal(begin(0, 50), false, 'one at a time');
    assert.deepEqual(effects, [
      { type: 'catch-up', stream: 1, peer, origins: [name()], since: new Map([[name(), 0]]) },
    ]);
    assert.deepEqual(catchUp.progress(7), { from: 'node-2', entries: 0, of: 50, bytes: 0, elapsedMs: 7 });
  });

  it('asks for what is not flushed here, and no more', () => {
    seeWeights();
    flushed.apply([origin.segment(40)]);
    assert.equal(begin(0, 45), false);
    assert.equal(begin(0, 60), true);
    const [effect] = effects;
    assert.deepEqual(effect?.type === 'catch-up' && effect.since, new Map([[name(), 40]]));
    assert.equal(catchUp.progress(0)?.of, 20);
  });

  it('gets the entries of its own that it lacks before everything else', () => {
    seeWeights();
    const sizes = new Map([
      [name(), 1_000],
      [ownOrigin, 50],
    ]);
    assert.equal(catchUp.begin(peer, sizes, ownOrigin, 0), true);
    const [effect] = effects;
    assert.deepEqual(effect?.type === 'catch-up' && effect.origins, [ownOrigin]);
  });

  it('names no more origins than a token holds', () => {
    seeWeights();
    const sizes = new Map(Array.from({ length: 1_100 }, (_, i) => [i.toString(16).padStart(32, '0'), 100]));
    assert.equal(catchUp.begin(peer, sizes, ownOrigin, 0), true);
    const [effect] = effects;
    assert.equal(effect?.type === 'catch-up' && effect.origins.length, 1_024);
  });

  it('keeps others from being asked only as long as it brings something', () => {
    seeWeights();
    assert.equal(catchUp.isBringing(0), false);
    begin();
    assert.deepEqual([catchUp.isBringing(499), catchUp.isBringing(500)], [true, false]);
    catchUp.receive(segments(1), 600);
    assert.equal(catchUp.isBringing(10_000), true, 'it waits for this node');
    catchUp.advance(0, 10_000);
    assert.deepEqual([catchUp.isBringing(10_499), catchUp.isBringing(10_500)], [true, false]);
  });

  it('takes the segments chunk by chunk, and asks for no more than the disk keeps up with', () => {
    seeWeights();
    begin();
    const first = catchUp.receive(segments(3), 1);
    assert.deepEqual([first.segments.length, first.known, first.refused], [3, 0, []]);
    catchUp.advance(64 * 1024 * 1024, 1);
    assert.equal(effects.length, 1, 'too much is waiting for the disk');
    assert.equal(catchUp.deadlineMs, Number.POSITIVE_INFINITY, 'a slow disk is no fault of the peer');
    catchUp.advance(0, 2);
    catchUp.advance(0, 3);
    assert.deepEqual(effects.slice(1), [{ type: 'catch-up-next', stream: 1 }]);
    catchUp.receive(segments(2), 4);
    assert.deepEqual([catchUp.progress(10)?.entries, catchUp.counts.entries], [10, 10]);
    catchUp.ended(stream(), true, 5);
    assert.deepEqual([catchUp.busy, catchUp.counts.outcomes], [false, { complete: 1, broken: 0 }]);
    assert.equal(begin(5), true, 'and goes on with the next at once');
  });

  it('counts what was here already, and takes what follows it', () => {
    seeWeights();
    begin();
    const both = segments(2);
    catchUp.receive(both.slice(0, 1), 1);
    const harvest = catchUp.receive(both, 1);
    assert.deepEqual([harvest.segments.length, harvest.known], [1, 1]);
  });

  const forgeries: Record<string, (segment: Segment) => Segment> = {
    'a head that nobody signed': ({ head, ...rest }) => ({
      ...rest,
      head: { ...head, signature: new Uint8Array(64) },
    }),
    'another root': ({ head, ...rest }) => ({ ...rest, head: { ...head, root: new Uint8Array(32) } }),
    'an altered entry': (segment) => {
      const bytes = segment.bytes.slice();
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return decodeSegment(bytes);
    },
  };
  for (const [what, forge] of Object.entries(forgeries)) {
    it(`refuses ${what} in the middle of the stream, and everything after it`, () => {
      seeWeights();
      begin();
      const [first, second, third] = segments(3);
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      const harvest = catchUp.receive([first, forge(second), third], 1);
      assert.deepEqual([harvest.segments.length, harvest.refused.length, catchUp.busy], [1, 1, false]);
      assert.deepEqual(effects.at(-1), { type: 'catch-up-end', stream: 1 });
      assert.equal(begin(2), false, 'that peer is left alone for a while');
      assert.equal(begin(60_000), true);
    });
  }

  it('ends with a stream that leaves something out', () => {
    seeWeights();
    begin();
    const harvest = catchUp.receive(segments(2).slice(1), 1);
    assert.deepEqual([harvest.segments.length, harvest.refused, catchUp.busy], [0, [], false]);
    assert.equal(catchUp.counts.outcomes.broken, 1);
  });

  it('passes over a log whose bodies the peer does not send, and takes the others', () => {
    catchUp = new CatchUp(thresholdBytes, {
      tips: tipsOver(undefined, false),
      flushed,
      emit: (effect) => effects.push(effect),
    });
    seeWeights();
    const stripped = new TestOrigin(7);
    const sizes = [name(), stripped.signer.origin].map((id) => [id, 1_000] as const);
    catchUp.begin(peer, new Map(sizes), ownOrigin, 0);
    const erased = [stripped.segment(2), stripped.segment(2)].map(withoutBodies);
    const harvest = catchUp.receive([...erased, ...segments(2)], 1);
    assert.deepEqual([harvest.segments.length, harvest.withheld, catchUp.busy], [2, 2, true]);
  });

  it('gives up a peer that sends on and on what is known', () => {
    seeWeights();
    begin();
    const known = segments(1);
    catchUp.receive(known, 1);
    for (let chunk = 0; chunk < 15; chunk++) catchUp.receive(known, 2);
    catchUp.receive(segments(1), 3);
    for (let chunk = 0; chunk < 15; chunk++) catchUp.receive(known, 4);
    assert.equal(catchUp.busy, true);
    catchUp.receive(known, 5);
    assert.deepEqual([catchUp.busy, begin(5)], [false, false]);
  });

  it('asks nobody for a stream who may be dead', () => {
    seeWeights();
    const sizes = new Map([[name(), 1_000]]);
    for (const state of ['suspect', 'dead', 'left'] as const) {
      assert.equal(catchUp.begin({ ...peer, state }, sizes, ownOrigin, 0), false, state);
    }
  });

  it('gives up a peer that falls silent, and asks another', () => {
    seeWeights();
    begin();
    const dueMs = catchUp.deadlineMs;
    catchUp.advance(0, dueMs - 1);
    assert.equal(catchUp.busy, true);
    catchUp.advance(0, dueMs);
    assert.deepEqual([catchUp.busy, effects.at(-1)?.type], [false, 'catch-up-end']);
    assert.equal(begin(dueMs), false);
    const other = { ...peer, origin: '0c'.repeat(16) };
    assert.equal(catchUp.begin(other, new Map([[name(), 1_000]]), ownOrigin, dueMs), true);
  });

  it('knows the chunks and ends of streams that it has given up', () => {
    seeWeights();
    begin();
    const old = stream();
    catchUp.abandon(0);
    begin(60_000);
    assert.deepEqual([catchUp.peerOf(old), catchUp.peerOf(stream())], [undefined, peer]);
    catchUp.ended(old, true, 60_000);
    assert.deepEqual([catchUp.busy, catchUp.counts.outcomes.complete], [true, 0]);
  });

  it('leaves a peer alone for a while whose stream was empty', () => {
    seeWeights();
    begin();
    catchUp.ended(stream(), true, 1);
    assert.equal(begin(1), false);
  });
});
