import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { missingFragments, Reassembly, splitSegment } from './fragments.ts';
import { maxPartials, maxSegmentBytes } from './limits.ts';
import type { FragmentPiece } from './messages.ts';

const origin = '0a'.repeat(16);
const fragmentBytes = 500;
const bytes = Uint8Array.from({ length: 2_600 }, (_, i) => i * 7);
const fragments = splitSegment(origin, 3, bytes, fragmentBytes);
/** Nobody's log ends anywhere but here. */
const atThree = (): number => 3;

function addAll(reassembly: Reassembly, pieces: readonly FragmentPiece[]): (Uint8Array | undefined)[] {
  return pieces.map((piece) => reassembly.add(piece));
}

function pieceAt(index: number): FragmentPiece {
  const piece = fragments[index];
  assert.ok(piece !== undefined);
  return piece;
}

test('a segment is cut into full fragments and a rest', () => {
  assert.deepEqual(
    fragments.map(({ offset, bytes: part }) => [offset, part.length]),
    [0, 500, 1_000, 1_500, 2_000, 2_500].map((offset) => [offset, offset === 2_500 ? 100 : 500]),
  );
});

test('fragments in any order, each any number of times, give the segment exactly once', () => {
  const orders = fc.shuffledSubarray([...fragments, ...fragments], { minLength: 12 });
  fc.assert(
    fc.property(orders, (order) => {
      const reassembly = new Reassembly();
      const lastNew = order.findIndex((_, i) => new Set(order.slice(0, i + 1)).size === fragments.length);
      const results = addAll(reassembly, order.slice(0, lastNew + 1));
      assert.deepEqual(results.at(-1), bytes);
      assert.ok(results.slice(0, -1).every((result) => result === undefined));
      assert.equal(reassembly.heldBytes, 0);
    }),
  );
});

test('a request is told which fragments are here, and only the others are sent', () => {
  const reassembly = new Reassembly();
  addAll(reassembly, [pieceAt(1), pieceAt(4)]);
  const [partial] = reassembly.partials(atThree);
  assert.deepEqual(partial, { origin, firstSeq: 3, fragmentBytes, have: Uint8Array.of(0b0100_1000) });
  const missing = missingFragments(fragments, partial);
  assert.deepEqual(
    missing.map(({ offset }) => offset / fragmentBytes),
    [0, 2, 3, 5],
  );
  assert.deepEqual(addAll(reassembly, missing).at(-1), bytes);
});

test('without a word of the requester, or with another cut, everything is sent', () => {
  assert.deepEqual(missingFragments(fragments, undefined), fragments);
  const otherCut = { origin, firstSeq: 3, fragmentBytes: 501, have: Uint8Array.of(0xff) };
  assert.deepEqual(missingFragments(fragments, otherCut), fragments);
});

test('a segment that became shorter comes through to whoever has the beginning of the longer one', () => {
  const reassembly = new Reassembly();
  addAll(reassembly, fragments.slice(0, 4));
  const shorter = splitSegment(origin, 3, bytes.slice(0, 3 * fragmentBytes), fragmentBytes);
  const [partial] = reassembly.partials(atThree);
  assert.deepEqual(addAll(reassembly, missingFragments(shorter, partial)).at(-1), bytes.slice(0, 3 * fragmentBytes));
});

test('a bitmap ends with the last fragment that is here', () => {
  const reassembly = new Reassembly();
  const many = splitSegment(origin, 3, new Uint8Array(fragmentBytes * 100), fragmentBytes);
  for (const piece of many.slice(0, 9)) reassembly.add(piece);
  assert.deepEqual(reassembly.partials(atThree)[0]?.have, Uint8Array.of(0xff, 0x80));
});

test('fragments of another cut start the segment over', () => {
  const reassembly = new Reassembly();
  addAll(reassembly, fragments.slice(1));
  const recut = splitSegment(origin, 3, bytes, 1_000);
  assert.deepEqual(addAll(reassembly, recut), [undefined, undefined, bytes]);
  addAll(reassembly, fragments.slice(1));
  const longer = splitSegment(origin, 3, new Uint8Array(2_601), fragmentBytes);
  assert.equal(reassembly.add(longer[0] ?? pieceAt(0)), undefined);
  assert.equal(reassembly.heldBytes, 2_601);
});

test('segments of several origins and places do not mix', () => {
  const reassembly = new Reassembly();
  const other = bytes.toReversed();
  const elsewhere = splitSegment('0b'.repeat(16), 3, other, fragmentBytes);
  const later = splitSegment(origin, 4, other, fragmentBytes);
  const woven = fragments.flatMap((piece, i) => [piece, elsewhere[i] ?? piece, later[i] ?? piece]);
  assert.deepEqual(addAll(reassembly, woven).slice(-3), [bytes, other, other]);
});

test('memory is bounded: what waited longest for a fragment goes first', () => {
  const reassembly = new Reassembly(maxSegmentBytes);
  const third = Math.floor(maxSegmentBytes / 3);
  const starts = [0, 1, 2, 3].map((firstSeq) => splitSegment(origin, firstSeq, new Uint8Array(third), 1_000));
  const add = (segment: number, index: number): void => {
    const piece = starts[segment]?.[index];
    assert.ok(piece !== undefined);
    reassembly.add(piece);
  };
  for (const segment of [0, 1, 2]) add(segment, 0);
  add(0, 1);
  add(3, 0);
  assert.ok(reassembly.heldBytes <= maxSegmentBytes);
  const held = [0, 1, 2, 3].filter((firstSeq) => reassembly.partials(() => firstSeq).length > 0);
  assert.deepEqual(held, [0, 2, 3]);
});

test('a request speaks of the segments that come next only, the newest few of them, sorted by origin', () => {
  const reassembly = new Reassembly();
  const origins = [5, 1, 4, 2, 3].map((digit) => `0${digit}`.repeat(16));
  for (const name of origins) reassembly.add({ ...pieceAt(0), origin: name });
  reassembly.add({ ...pieceAt(0), firstSeq: 100 });
  const named = reassembly.partials(atThree).map((partial) => partial.origin);
  assert.deepEqual(named, origins.slice(-maxPartials).sort());
});

test('what came some other way is forgotten', () => {
  const reassembly = new Reassembly();
  addAll(reassembly, [pieceAt(0), { ...pieceAt(0), firstSeq: 9 }, { ...pieceAt(0), origin: '0b'.repeat(16) }]);
  reassembly.forget(origin, 9);
  assert.equal(reassembly.partials(atThree).length, 1);
  assert.equal(reassembly.partials(() => 9).length, 1);
  reassembly.forget(origin);
  assert.equal(reassembly.heldBytes, bytes.length);
});

test('less room than the largest segment needs is refused', () => {
  assert.throws(() => new Reassembly(maxSegmentBytes - 1), RangeError);
});
