import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { type Entry, encodeEntry, maxEntryBytes } from '@grapevine/shared/log/entry.ts';
import fc from 'fast-check';
import {
  checkSegmentContent,
  decodeSegment,
  encodeSegment,
  maxSegmentRecords,
  type Segment,
  type SegmentRecord,
  segmentFirstHlc,
  segmentFirstSeq,
} from './segment.ts';

const origin = '000102030405060708090a0b0c0d0e0f';
const firstHlc = 0x0123_4567_89ab_0000n;

function entry(seq: number, change: Partial<Entry> = {}): Entry {
  const hlc = firstHlc + BigInt(seq - 5);
  const body = new TextEncoder().encode(`body ${seq}`);
  return { origin, seq, hlc, topic: 'news', author: 'ann', contentType: 'text/plain', headers: {}, body, ...change };
}

function recordOf(one: Entry): SegmentRecord {
  return { kind: 'entry', bytes: encodeEntry(one) };
}

function segmentOf(records: readonly SegmentRecord[], firstSeq = 5): Omit<Segment, 'bytes'> {
  const head = {
    origin,
    size: firstSeq + records.length,
    root: new Uint8Array(32).fill(0xaa),
    hlc: firstHlc + BigInt(records.length - 1),
    publicKey: new Uint8Array(32).fill(0xbb),
    signature: new Uint8Array(64).fill(0xcc),
  };
  return { origin, firstSeq, head, records };
}

const erased: SegmentRecord = { kind: 'erased', leafHash: new Uint8Array(32).fill(0xdd) };
const sample = segmentOf([recordOf(entry(5)), erased, recordOf(entry(7))]);

describe('segment bytes', () => {
  test('come back as they were', () => {
    const bytes = encodeSegment(sample);
    const decoded = decodeSegment(bytes);
    assert.deepEqual(decoded, { ...sample, bytes });
    assert.equal(segmentFirstSeq(bytes), 5);
    assert.equal(segmentFirstHlc(decoded), firstHlc);
  });

  test('are decoded without copying', () => {
    const bytes = encodeSegment(sample);
    for (const record of decodeSegment(bytes).records) {
      const part = record.kind === 'entry' ? record.bytes : record.leafHash;
      assert.equal(part.buffer, bytes.buffer);
    }
  });

  test('are refused when cut short anywhere or longer by a byte', () => {
    const bytes = encodeSegment(sample);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeSegment(bytes.subarray(0, length)), DecodeError);
    }
    assert.throws(() => decodeSegment(new Uint8Array([...bytes, 0])), DecodeError);
  });

  test('are refused or mean something else when any bit is flipped', () => {
    const bytes = encodeSegment(sample);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const decoded = decodeOrNothing(flipped);
      if (decoded === undefined) continue;
      assert.deepEqual(encodeSegment(decoded), flipped);
      assert.notDeepEqual({ ...decoded, bytes }, { ...sample, bytes });
    }
  });

  test('that are random never make the decoder throw anything but DecodeError', () => {
    const start = fc.constantFrom([], [1], [...encodeSegment(sample).subarray(0, 170)]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 400 }), (prefix, rest) => {
        decodeOrNothing(new Uint8Array([...prefix, ...rest]));
      }),
      { numRuns: 2000 },
    );
  });

  test('keep their bounds: records, bytes, size, lengths', () => {
    const many = Array.from({ length: maxSegmentRecords }, () => erased);
    assert.equal(decodeSegment(encodeSegment(segmentOf(many))).records.length, maxSegmentRecords);
    assert.throws(() => encodeSegment(segmentOf([...many, erased])), /1 to 256 records, found 257/);
    assert.throws(() => encodeSegment(segmentOf([])), /1 to 256 records, found 0/);

    const large = recordOf(entry(5, { body: new Uint8Array(65_000) }));
    assert.equal(decodeSegment(encodeSegment(segmentOf([large]))).records.length, 1);
    assert.throws(() => encodeSegment(segmentOf([large, large])), /at most 65536 bytes in 2 records/);

    const tooLarge: SegmentRecord = { kind: 'entry', bytes: new Uint8Array(maxEntryBytes + 1) };
    assert.throws(() => encodeSegment(segmentOf([tooLarge])), RangeError);
    assert.throws(() => encodeSegment({ ...sample, firstSeq: 6 }), /size 9, found 8/);
    assert.throws(() => encodeSegment({ ...sample, origin: origin.slice(2) }), RangeError);
    assert.throws(() => encodeSegment({ ...sample, head: { ...sample.head, root: new Uint8Array(31) } }), RangeError);
  });

  test('with the same bounds broken are refused by the decoder', () => {
    const bytes = encodeSegment(segmentOf([erased, erased]));
    const countAt = 23;
    const withCount = (count: number) => {
      const changed = Buffer.from(bytes);
      changed.writeUInt16BE(count, countAt);
      changed.writeUIntBE(5 + count, countAt + 2, 6);
      return changed;
    };
    assert.throws(() => decodeSegment(withCount(0)), /found 0/);
    assert.throws(() => decodeSegment(withCount(257)), /found 257/);
    assert.throws(() => decodeSegment(withCount(3)), DecodeError);
    assert.throws(() => decodeSegment(withCount(1)), DecodeError);
    const wrongSize = Buffer.from(withCount(2));
    wrongSize.writeUIntBE(8, countAt + 2, 6);
    assert.throws(() => decodeSegment(wrongSize), /size 7, found 8/);
    const wrongKind = Buffer.from(bytes);
    wrongKind.writeUInt8(2, bytes.length - 33);
    assert.throws(() => decodeSegment(wrongKind), /kind 0 or 1, found 2/);
  });
});

describe('segment content', () => {
  const check = (records: readonly SegmentRecord[]) =>
    checkSegmentContent(decodeSegment(encodeSegment(segmentOf(records))));

  test('is the decoded entries, with gaps where records were erased', () => {
    const entries = check(sample.records);
    assert.deepEqual(
      entries?.map((one) => one?.seq),
      [5, undefined, 7],
    );
  });

  test('is refused when an entry is not the one that belongs there', () => {
    assert.notEqual(check([recordOf(entry(5))]), undefined);
    assert.equal(check([recordOf(entry(6))]), undefined, 'another number');
    assert.equal(check([recordOf(entry(5, { hlc: firstHlc + 1n }))]), undefined, 'another tick');
    assert.equal(check([recordOf(entry(5, { origin: origin.replace('00', 'ff') }))]), undefined, 'another origin');
    assert.equal(check([recordOf(entry(5)), recordOf(entry(6, { hlc: firstHlc }))]), undefined, 'the same tick twice');
    assert.equal(check([{ kind: 'entry', bytes: Uint8Array.of(1, 2, 3) }]), undefined, 'no entry at all');
    assert.equal(check([{ kind: 'entry', bytes: new Uint8Array(0) }]), undefined, 'nothing');
  });

  test('is refused when the clock would start below zero', () => {
    const segment = segmentOf([erased, erased]);
    const bytes = encodeSegment({ ...segment, head: { ...segment.head, hlc: 0n } });
    assert.equal(checkSegmentContent(decodeSegment(bytes)), undefined);
  });
});

function decodeOrNothing(bytes: Uint8Array): Segment | undefined {
  try {
    return decodeSegment(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
