import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import fc from 'fast-check';
import { maxSegmentBytes } from './limits.ts';
import { minSegmentBytes } from './segment.ts';
import { encodeFrames, FrameDecoder } from './segment-frames.ts';

const segment = fc.uint8Array({ minLength: minSegmentBytes, maxLength: minSegmentBytes + 600 });

/** `bytes` cut into pieces of the given lengths, over and over. */
function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

function lengthOf(length: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

test('segments come out as they went in, in whatever pieces the stream arrives', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), pieces, (segments, lengths) => {
      const decoder = new FrameDecoder();
      const found = [...cut(encodeFrames(segments), lengths)].flatMap((bytes) => decoder.push(bytes));
      decoder.end();
      assert.deepEqual(found, segments);
    }),
  );
});

test('a segment does not keep the bytes that it arrived in', () => {
  const bytes = encodeFrames([new Uint8Array(minSegmentBytes).fill(1)]);
  const [found] = new FrameDecoder().push(bytes);
  bytes.fill(9);
  assert.deepEqual(found, new Uint8Array(minSegmentBytes).fill(1));
});

for (const length of [0, minSegmentBytes - 1, maxSegmentBytes + 1, 0xffff_ffff]) {
  test(`a frame of ${length} bytes is refused before anything else of it has come`, () => {
    assert.throws(() => new FrameDecoder().push(lengthOf(length)), DecodeError);
  });
}

for (const length of [minSegmentBytes, maxSegmentBytes]) {
  test(`a frame of ${length} bytes is taken`, () => {
    const decoder = new FrameDecoder();
    assert.deepEqual(decoder.push(lengthOf(length)), []);
    assert.equal(decoder.push(new Uint8Array(length)).length, 1);
    decoder.end();
  });
}

test('a stream that ends inside a frame is refused, wherever that is', () => {
  const bytes = encodeFrames([new Uint8Array(minSegmentBytes)]);
  for (let length = 1; length < bytes.length; length++) {
    const decoder = new FrameDecoder();
    assert.deepEqual(decoder.push(bytes.subarray(0, length)), []);
    assert.throws(() => decoder.end(), DecodeError);
  }
  new FrameDecoder().end();
});

test('hostile bytes give segments of allowed lengths or a DecodeError, and nothing else', () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 4_000 }),
    fc.tuple(fc.array(segment, { maxLength: 3 }), fc.nat(), fc.nat(0xff)).map(([segments, at, value]) => {
      const bytes = encodeFrames(segments);
      return bytes.length === 0 ? bytes : bytes.with(at % bytes.length, value);
    }),
  );
  fc.assert(
    fc.property(hostile, fc.integer({ min: 1, max: 500 }), (bytes, step) => {
      const decoder = new FrameDecoder();
      try {
        for (const piece of cut(bytes, [step])) {
          for (const { length } of decoder.push(piece)) {
            assert.ok(length >= minSegmentBytes && length <= maxSegmentBytes);
          }
        }
        decoder.end();
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
