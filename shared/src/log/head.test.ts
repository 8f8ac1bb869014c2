import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { referenceRoot } from '../merkle/reference-tree.fixture.ts';
import { nobleTreeHash as hash } from '../merkle/tree-hash.ts';
import { toHex } from './bytes.ts';
import { type Head, headBytes, nobleHeadVerifier, originIdOf } from './head.ts';
import { nodeRoot } from './node-root.ts';

const secret = new Uint8Array(32).fill(7);
const publicKey = ed25519.getPublicKey(secret);
const origin = originIdOf(publicKey, sha256);
const head: Head = { origin, size: 0x010203040506, root: new Uint8Array(32).fill(0xaa), hlc: 0x1122334455667788n };

test('the signed bytes are the ones that were settled on', () => {
  assert.equal(origin, toHex(sha256(publicKey)).slice(0, 32));
  assert.equal(
    toHex(headBytes(head)),
    `677261706576696e652d686561642d763100${origin}010203040506${'aa'.repeat(32)}1122334455667788`,
  );
});

test('heads that cannot be written are refused', () => {
  assert.throws(() => headBytes({ ...head, origin: 'abcd' }), RangeError);
  assert.throws(() => headBytes({ ...head, root: new Uint8Array(33) }), RangeError);
  assert.throws(() => headBytes({ ...head, size: 2 ** 48 }), RangeError);
});

test('a head is valid with the signature of its own origin only', () => {
  const signature = ed25519.sign(headBytes(head), secret);
  assert.equal(nobleHeadVerifier.verify({ ...head, publicKey, signature }), true);
  assert.equal(nobleHeadVerifier.verify({ ...head, size: 1, publicKey, signature }), false);
  const other = new Uint8Array(32).fill(8);
  const forged = { ...head, publicKey: ed25519.getPublicKey(other), signature: ed25519.sign(headBytes(head), other) };
  assert.equal(nobleHeadVerifier.verify(forged), false, 'a valid signature, but by another origin');
});

test("a node's root is the tree over its heads sorted by origin", () => {
  const heads = ['ff', '00', '7f'].map((byte, i) => ({
    origin: byte.repeat(16),
    size: i + 1,
    root: new Uint8Array(32).fill(i),
  }));
  const leaf = (byte: string, size: number, fill: number): Uint8Array =>
    hash.leaf(
      Uint8Array.fromHex(byte.repeat(16) + size.toString(16).padStart(12, '0') + toHex(new Uint8Array(32).fill(fill))),
    );
  const expected = referenceRoot(hash, [leaf('00', 2, 1), leaf('7f', 3, 2), leaf('ff', 1, 0)]);
  assert.deepEqual(nodeRoot(hash, heads), expected);
  assert.deepEqual(nodeRoot(hash, heads.toReversed()), expected);
  const empty = { origin: 'aa'.repeat(16), size: 0, root: new Uint8Array(32) };
  assert.deepEqual(nodeRoot(hash, [...heads, empty]), expected, 'an origin without entries changes nothing');
  assert.deepEqual(nodeRoot(hash, []), sha256(new Uint8Array(0)));
});
