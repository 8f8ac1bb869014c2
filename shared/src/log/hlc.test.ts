import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DecodeError } from './decode-error.ts';
import { HybridClock, hlcFromHex, hlcHexMs, hlcMs, hlcToHex, maxForwardMs, packHlc } from './hlc.ts';

const start = 1_700_000_000_000;

test('values hold milliseconds and counter', () => {
  assert.equal(packHlc(1, 2), 0x1_0002n);
  assert.equal(hlcMs(packHlc(start, 65_535)), start);
  assert.equal(hlcToHex(packHlc(start, 1)), '018bcfe568000001');
});

test('hexadecimal text sorts like the values and comes back', () => {
  const value = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  fc.assert(
    fc.property(value, value, (a, b) => {
      assert.equal(hlcFromHex(hlcToHex(a)), a);
      assert.equal(hlcHexMs(hlcToHex(a)), hlcMs(a));
      assert.equal(hlcToHex(a) < hlcToHex(b), a < b);
    }),
  );
  for (const text of ['', '018BCFE568000001', '018bcfe56800000', '018bcfe5680000011', '018bcfe56800000g']) {
    assert.throws(() => hlcFromHex(text), DecodeError);
  }
});

test('a clock follows the wall clock and counts within a millisecond', () => {
  const clock = new HybridClock();
  assert.equal(clock.tick(start), packHlc(start, 0));
  assert.equal(clock.tick(start), packHlc(start, 1));
  assert.equal(clock.tick(start + 1), packHlc(start + 1, 0));
});

test('values are never given twice and never go back, whatever the wall clock and the others do', () => {
  const step = fc.record({ wall: fc.integer({ min: 0, max: 200 }), count: fc.integer({ min: 1, max: 100_000 }) });
  const event = fc.oneof(step, fc.record({ observed: fc.integer({ min: 0, max: 200 }) }));
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const clock = new HybridClock();
      let last = -1n;
      for (const event of events) {
        if ('observed' in event) {
          const hlc = packHlc(start + event.observed, 9);
          assert.ok(clock.observe(hlc, start));
          if (hlc > last) last = hlc;
        } else {
          const first = clock.tick(start + event.wall, event.count);
          assert.ok(first > last);
          assert.ok(hlcMs(first) >= start + event.wall);
          last = first + BigInt(event.count) - 1n;
        }
      }
    }),
  );
});

test('a full counter runs on into the next millisecond', () => {
  const clock = new HybridClock();
  assert.equal(clock.tick(start, 65_536), packHlc(start, 0));
  assert.equal(clock.tick(start), packHlc(start + 1, 0));
});

test('a restarted clock goes on above the last value in use', () => {
  const last = packHlc(start + 5_000, 3);
  assert.equal(new HybridClock(last).tick(start), last + 1n);
});

test('a value of its own from an earlier life counts however far ahead it is', () => {
  const clock = new HybridClock();
  const own = packHlc(start + 10 * maxForwardMs, 0);
  clock.recall(own);
  assert.equal(clock.tick(start), own + 1n);
  clock.recall(packHlc(start, 0));
  assert.equal(clock.tick(start), own + 2n);
});

test('a value from too far ahead is ignored, so that one broken clock does not move them all', () => {
  const clock = new HybridClock();
  const allowed = packHlc(start + maxForwardMs, 0);
  assert.equal(clock.observe(packHlc(start + maxForwardMs + 1, 0), start), false);
  assert.equal(clock.tick(start), packHlc(start, 0));
  assert.equal(clock.observe(allowed, start), true);
  assert.equal(clock.tick(start), allowed + 1n);
});
