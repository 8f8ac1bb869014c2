import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameBoundary } from './frame-boundary.ts';

/** A frame as RFC 6455 section 5.2 has it. */
function frame(payload: number, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0;
  const head = [0x82];
  if (payload < 126) head.push(mask | payload);
  else if (payload < 65_536) head.push(mask | 126, payload >> 8, payload & 0xff);
  else head.push(mask | 127, 0, 0, 0, 0, payload >>> 24, (payload >> 16) & 0xff, (payload >> 8) & 0xff, payload & 0xff);
  if (masked) head.push(1, 2, 3, 4);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(payload, 0x88)]);
}

const anyFrame = fc.tuple(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), fc.boolean());

test('it knows every boundary, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 9_000 }),
      (frames, step) => {
        const bytes = Buffer.concat(frames.map(([payload, masked]) => frame(payload, masked)));
        const boundary = new FrameBoundary();
        for (let at = 0; at < bytes.length; at += step) {
          assert.equal(boundary.read(bytes.subarray(at, at + step), false), Math.min(step, bytes.length - at));
        }
        assert.ok(boundary.reached);
        boundary.read(Buffer.from([0x82]), false);
        assert.ok(!boundary.reached, 'it is inside a frame again');
      },
    ),
    { numRuns: 60 },
  );
});

test('it stops at the first boundary when asked', () => {
  const boundary = new FrameBoundary();
  assert.equal(boundary.read(frame(300, true), true), 0, 'it stands at one');
  boundary.read(frame(300, true).subarray(0, 100), false);
  const rest = frame(300, true).subarray(100);
  assert.equal(boundary.read(Buffer.concat([rest, frame(5, false)]), true), rest.length);
  assert.ok(boundary.reached);
});

test('a length that only a liar sends costs nothing', () => {
  const boundary = new FrameBoundary();
  boundary.read(Buffer.from([0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), false);
  boundary.read(Buffer.alloc(1_000_000), false);
  assert.ok(!boundary.reached);
});
