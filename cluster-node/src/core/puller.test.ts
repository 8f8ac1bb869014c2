import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { splitSegment } from '../wire/fragments.ts';
import type { Piece } from '../wire/messages.ts';
import type { Segment } from '../wire/segment.ts';
import { TestOrigin, tipsOver, withoutBodies } from './origin.fixture.ts';
import { type Harvest, Puller } from './puller.ts';

const peer = '0b'.repeat(16);

describe('a puller that is offered segments without bodies', () => {
  let puller: Puller;
  let origin: TestOrigin;

  beforeEach(() => {
    puller = new Puller(tipsOver(undefined, false), new SeededRandom(1));
    origin = new TestOrigin(1);
  });

  function answer(segments: readonly Segment[]): Harvest {
    const { requestId } = puller.begin(peer, true, 0);
    const pieces = segments.map(({ bytes }) => ({ kind: 'segment', bytes }) as const);
    const response = { requestId, index: 0, count: 1, more: true, vector: [], pieces, members: [] };
    return puller.receive({ type: 'pull-response', ...response }, peer, 1);
  }

  it('takes none of them nor what follows, and does not count on that peer', () => {
    const [first, second, third] = [origin.segment(), origin.segment(), origin.segment()];
    const harvest = answer([withoutBodies(first), second.segment, withoutBodies(third)]);
    assert.deepEqual([harvest.segments.length, harvest.withheld], [0, 3]);
    assert.equal(puller.finish(1)?.isFruitless, true);
    // From another peer, in full.
    assert.equal(answer([first.segment, second.segment, third.segment]).segments.length, 3);
    assert.equal(puller.finish(1)?.isFruitless, false);
  });

  it('takes other logs that came with them', () => {
    const other = new TestOrigin(2).segment();
    const harvest = answer([withoutBodies(origin.segment()), other.segment]);
    assert.deepEqual([harvest.segments.length, harvest.withheld], [1, 1]);
    assert.equal(puller.finish(1)?.isFruitless, false);
  });
});

describe('a puller whose peer has a damaged copy', () => {
  let puller: Puller;
  let origin: TestOrigin;

  beforeEach(() => {
    puller = new Puller(tipsOver(), new SeededRandom(1));
    origin = new TestOrigin(1);
  });

  function answer(pieces: readonly Piece[]): Harvest {
    const { requestId } = puller.begin(peer, true, 0);
    const response = { requestId, index: 0, count: 1, more: true, vector: [], pieces, members: [] };
    return puller.receive({ type: 'pull-response', ...response }, peer, 1);
  }

  function damagedCopy(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
    return copy;
  }

  it('does not count on it for a segment that is refused again and again, although what follows is sound', () => {
    const [first, second] = [origin.segment().segment.bytes, origin.segment().segment.bytes];
    const pieces: Piece[] = [
      { kind: 'segment', bytes: damagedCopy(first) },
      { kind: 'segment', bytes: second },
    ];
    for (let times = 0; times < 3; times++) {
      assert.equal(answer(pieces).refused.length, 1);
      assert.equal(puller.finish(1)?.isFruitless, true);
    }
    // From another peer the first one is enough: the second has waited.
    assert.equal(answer([{ kind: 'segment', bytes: first }]).segments.length, 2);
    assert.equal(puller.finish(1)?.isFruitless, false);
  });

  it('does not count on it for one that comes in fragments either', () => {
    const bytes = damagedCopy(origin.segment(5).segment.bytes);
    const fragments = splitSegment(origin.signer.origin, 0, bytes, 448);
    assert.ok(fragments.length > 1);
    assert.equal(answer(fragments.slice(0, 1)).refused.length, 0);
    assert.equal(puller.finish(1)?.isFruitless, false, 'a part of it is progress');
    for (let times = 0; times < 2; times++) {
      assert.equal(answer(fragments).refused.length, 1);
      assert.equal(puller.finish(1)?.isFruitless, true);
    }
  });
});

describe('a puller whose peer gives drop by drop', () => {
  const other = '0c'.repeat(16);
  let puller: Puller;

  beforeEach(() => {
    puller = new Puller(tipsOver(), new SeededRandom(1));
  });

  /** Datagrams without anything in them, each before the patience for the next one ends. */
  function drip(untilMs: number): void {
    const { requestId } = puller.begin(peer, true, 0);
    for (let index = 0; index * 30 < untilMs; index++) {
      const response = { requestId, index, count: 1_000, more: true, vector: [], pieces: [], members: [] };
      puller.receive({ type: 'pull-response', ...response }, peer, index * 30);
      assert.equal(puller.finish(index * 30), undefined);
    }
  }

  it('waits two seconds at most, and then as much longer for it as for nobody else', () => {
    drip(1_990);
    assert.equal(puller.deadlineMs, 2_000);
    const end = puller.finish(2_000);
    assert.deepEqual([end?.answered, end?.isUseful], [true, false]);
    assert.deepEqual([puller.isSlow(peer, 21_999), puller.isSlow(peer, 22_000)], [true, false]);
    assert.equal(puller.isSlow(other, 2_000), false);
  });

  it('gives it up at once the next time, when somebody else has something', () => {
    drip(100);
    assert.equal(puller.giveUpSlow(100), undefined, 'it is not known to be slow yet');
    assert.equal(puller.finish(300)?.isUseful, false);
    puller.begin(peer, true, 310);
    assert.equal(puller.giveUpSlow(311)?.peer, peer);
    assert.equal(puller.busy, false);
  });

  it('does not hold it against a peer that it had nothing, unless it had claimed so or took its time', () => {
    const isSlowAfter = (isAhead: boolean, atMs: number): boolean => {
      const { requestId } = puller.begin(peer, isAhead, 0);
      const response = { requestId, index: 0, count: 1, more: false, vector: [], pieces: [], members: [] };
      puller.receive({ type: 'pull-response', ...response }, peer, atMs);
      assert.equal(puller.finish(atMs)?.isFruitless, true);
      return puller.isSlow(peer, atMs);
    };
    assert.deepEqual([isSlowAfter(false, 5), isSlowAfter(true, 5), isSlowAfter(false, 50)], [false, true, true]);
  });

  it('asks others for as much, and waits for them no longer, than if it were not there', () => {
    const { budget } = puller.begin(other, true, 0);
    const usualMs = puller.deadlineMs;
    puller.reset();
    drip(1_000);
    puller.finish(2_000);
    const after = puller.begin(other, true, 3_000);
    assert.deepEqual([after.budget, puller.deadlineMs - 3_000], [budget, usualMs]);
    puller.reset();
    assert.ok(puller.begin(peer, true, 4_000).budget < budget);
  });
});
