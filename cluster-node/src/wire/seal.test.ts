import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyRingOf } from './key-ring.ts';
import { maxDatagramBytes, maxPayload, sealedOverheadBytes } from './limits.ts';
import { PlainOpener, PlainSealer } from './plain.ts';
import { replayWindowSize } from './replay-window.ts';
import { Opener, Sealer, type SealerOptions } from './seal.ts';

const sender = '0a'.repeat(16);
const receiver = '0b'.repeat(16);
const key = new Uint8Array(32).fill(1);
const otherKey = new Uint8Array(32).fill(2);
const ring = keyRingOf([key]);
const plaintext = Uint8Array.from({ length: 100 }, (_, i) => i);
const bootEpoch = 1_700_000_000_000;

function sealer(options: Partial<SealerOptions> = {}): Sealer {
  return new Sealer({ key: ring.sealing, sender, bootEpoch, ...options });
}

function opener(secrets: readonly Uint8Array[] = [key]): Opener {
  return new Opener(keyRingOf(secrets), receiver);
}

test('what one node seals another opens, and learns who sealed it', () => {
  for (const length of [0, 1, 447, 448, 1_351, maxPayload(maxDatagramBytes)]) {
    const bytes = new Uint8Array(length).fill(7);
    const datagram = sealer().seal(bytes);
    assert.equal(datagram.length, length + sealedOverheadBytes);
    assert.deepEqual(opener().open(datagram), { sender, plaintext: bytes });
  }
});

test('any flipped bit is refused, and nothing is remembered of such a datagram', () => {
  const receiving = opener();
  const datagram = sealer().seal(plaintext);
  const reasons = new Set<unknown>();
  for (let bit = 0; bit < datagram.length * 8; bit++) {
    const altered = datagram.slice();
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    reasons.add(receiving.open(altered));
  }
  assert.deepEqual(reasons, new Set(['unknown-version', 'wrong-mode', 'unknown-key', 'bad-tag']));
  assert.deepEqual(receiving.open(datagram), { sender, plaintext });
});

test('anything shorter than header and tag is too short', () => {
  const datagram = sealer().seal(new Uint8Array(0));
  for (let length = 0; length < sealedOverheadBytes; length++) {
    assert.equal(opener().open(datagram.subarray(0, length)), 'too-short');
  }
});

test('each datagram is opened once, late ones too, but not those that are too late', () => {
  const sending = sealer();
  const receiving = opener();
  const datagrams = Array.from({ length: replayWindowSize + 2 }, () => sending.seal(plaintext));
  const [first, second, third] = datagrams;
  const newest = datagrams.at(-1);
  assert.ok(first && second && third && newest);
  assert.equal(typeof receiving.open(first), 'object');
  assert.equal(receiving.open(first), 'replayed');
  assert.equal(typeof receiving.open(newest), 'object');
  assert.equal(receiving.open(second), 'replayed', 'a counter one window behind');
  assert.equal(typeof receiving.open(third), 'object', 'the last counter inside the window');
  assert.equal(receiving.open(third), 'replayed');
});

test('after a restart of the sender its counters start again and its old datagrams are refused', () => {
  const receiving = opener();
  const before = sealer();
  const seen = [before.seal(plaintext), before.seal(plaintext)];
  const late = before.seal(plaintext);
  const restarted = sealer({ bootEpoch: bootEpoch + 1 });
  for (const datagram of [...seen, restarted.seal(plaintext), restarted.seal(plaintext)]) {
    assert.equal(typeof receiving.open(datagram), 'object');
  }
  assert.equal(receiving.open(late), 'stale-epoch');
});

test('a made-up epoch of a known sender does not push out the real one', () => {
  const receiving = opener();
  const sending = sealer();
  assert.equal(typeof receiving.open(sending.seal(plaintext)), 'object');
  const forged = sealer({ bootEpoch: bootEpoch + 1, key: { ...ring.sealing, secret: otherKey } });
  assert.equal(receiving.open(forged.seal(plaintext)), 'bad-tag');
  assert.equal(typeof receiving.open(sending.seal(plaintext)), 'object');
});

test('keys rotate without a datagram lost, and a key that was taken out opens nothing', () => {
  const [before, after] = [keyRingOf([key]).sealing, keyRingOf([otherKey]).sealing];
  const both = opener([otherKey, key]);
  assert.equal(typeof both.open(sealer({ key: before }).seal(plaintext)), 'object');
  assert.equal(typeof both.open(sealer({ key: after, firstCounter: 1 }).seal(plaintext)), 'object');
  assert.equal(typeof both.open(sealer({ key: before, firstCounter: 2 }).seal(plaintext)), 'object');
  assert.equal(
    both.open(sealer({ key: after, firstCounter: 2 }).seal(plaintext)),
    'replayed',
    'one window for all keys',
  );
  assert.equal(opener([otherKey]).open(sealer({ key: before }).seal(plaintext)), 'unknown-key');
});

test('a node refuses its own datagrams', () => {
  assert.equal(new Opener(ring, sender).open(sealer().seal(plaintext)), 'own');
  assert.equal(new PlainOpener(sender).open(new PlainSealer(sender).seal(plaintext)), 'own');
});

test('after the last counter the next epoch begins, so that no nonce is used twice', () => {
  const sending = sealer({ firstCounter: 2 ** 48 - 1 });
  const [last, next] = [sending.seal(plaintext), sending.seal(plaintext)];
  const nonceOf = (datagram: Uint8Array): string => datagram.subarray(21, 33).toHex();
  assert.equal(nonceOf(last), '018bcfe56800ffffffffffff');
  assert.equal(nonceOf(next), '018bcfe56801000000000000');
  const receiving = opener();
  assert.equal(typeof receiving.open(last), 'object');
  assert.equal(typeof receiving.open(next), 'object');
});

test('the same plaintext is never sealed to the same bytes', () => {
  const sending = sealer();
  const ciphertexts = Array.from({ length: 50 }, () => sending.seal(plaintext).subarray(33).toHex());
  const others = [sealer({ bootEpoch: 1 }), sealer({ sender: receiver })].map((s) =>
    s.seal(plaintext).subarray(33).toHex(),
  );
  assert.equal(new Set([...ciphertexts, ...others]).size, 52);
});

test('senders are remembered up to a bound, those heard last', () => {
  const receiving = opener();
  const datagramOf = (number: number): Uint8Array =>
    sealer({ sender: number.toString(16).padStart(32, '0') }).seal(plaintext);
  const first = datagramOf(0);
  const second = datagramOf(1);
  for (let number = 0; number < 4_096; number++) receiving.open(datagramOf(number));
  assert.equal(receiving.open(first), 'replayed');
  const again = sealer({ sender: '0'.repeat(32), firstCounter: 1 }).seal(plaintext);
  assert.equal(typeof receiving.open(again), 'object', 'sender 0 is the one heard last now');
  receiving.open(datagramOf(4_096));
  assert.equal(receiving.open(first), 'replayed');
  assert.equal(typeof receiving.open(second), 'object', 'sender 1 was forgotten');
});

test('plain datagrams are for insecure mode only, and sealed ones are refused there: there is no downgrade', () => {
  const plain = new PlainSealer(sender).seal(plaintext);
  assert.deepEqual(new PlainOpener(receiver).open(plain), { sender, plaintext });
  assert.equal(opener().open(plain), 'wrong-mode');
  assert.equal(new PlainOpener(receiver).open(sealer().seal(plaintext)), 'wrong-mode');
});

test('a plain datagram without a whole header is refused', () => {
  const plain = new PlainSealer(sender).seal(new Uint8Array(0));
  assert.deepEqual(new PlainOpener(receiver).open(plain), { sender, plaintext: new Uint8Array(0) });
  assert.equal(new PlainOpener(receiver).open(plain.subarray(0, 16)), 'too-short');
  assert.equal(new PlainOpener(receiver).open(plain.with(0, 2)), 'unknown-version');
});
