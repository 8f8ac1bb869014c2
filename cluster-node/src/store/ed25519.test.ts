import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Head, headBytes, nobleHeadVerifier, type SignedHead } from '@grapevine/shared/log/head.ts';
import { generateOriginKey, nodeHeadVerifier, signerFromKey } from './ed25519.ts';

const verifiers = { nodeHeadVerifier, nobleHeadVerifier };
const signer = signerFromKey(generateOriginKey());
const head: Head = { origin: signer.origin, size: 7, root: new Uint8Array(32).fill(1), hlc: 99n };
const signed: SignedHead = { ...head, publicKey: signer.publicKey, signature: signer.sign(headBytes(head)) };

test('the key of RFC 8032 section 7.1, test 2, gives its public key and its signature', () => {
  const known = signerFromKey(Uint8Array.fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));
  assert.equal(known.publicKey.toHex(), '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  assert.equal(
    known.sign(Uint8Array.of(0x72)).toHex(),
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
});

test('a key makes the same origin each time, and keys differ', () => {
  const secret = generateOriginKey();
  assert.equal(secret.length, 32);
  assert.equal(signerFromKey(secret).origin, signerFromKey(secret).origin);
  assert.notEqual(signerFromKey(secret).origin, signer.origin);
  assert.match(signer.origin, /^[0-9a-f]{32}$/);
  assert.throws(() => signerFromKey(new Uint8Array(31)));
});

test('both verifiers accept what was signed and refuse every change to it', () => {
  const other = signerFromKey(generateOriginKey());
  const changed: Record<string, SignedHead> = {
    'larger size': { ...signed, size: 8 },
    'size that is no number': { ...signed, size: Number.NaN },
    'other root': { ...signed, root: new Uint8Array(32).fill(2) },
    'short root': { ...signed, root: new Uint8Array(31) },
    'other clock': { ...signed, hlc: 100n },
    'clock out of range': { ...signed, hlc: 1n << 64n },
    'other origin': { ...signed, origin: other.origin },
    'origin that is no hex': { ...signed, origin: 'z'.repeat(32) },
    'other key': { ...signed, publicKey: other.publicKey },
    'other key and its origin': { ...signed, publicKey: other.publicKey, origin: other.origin },
    'key of no length': { ...signed, publicKey: new Uint8Array(0) },
    'key that is no point': { ...signed, publicKey: new Uint8Array(32).fill(255) },
    'signature by another': { ...signed, signature: other.sign(headBytes(head)) },
    'short signature': { ...signed, signature: signed.signature.subarray(1) },
    'no signature': { ...signed, signature: new Uint8Array(0) },
  };
  for (const [name, verifier] of Object.entries(verifiers)) {
    assert.equal(verifier.verify(signed), true, name);
    for (const [change, damaged] of Object.entries(changed)) {
      assert.equal(verifier.verify(damaged), false, `${name}: ${change}`);
    }
    for (let bit = 0; bit < 64 * 8; bit += 37) {
      const signature = new Uint8Array(signed.signature);
      signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(verifier.verify({ ...signed, signature }), false, `${name}: signature bit ${bit}`);
    }
  }
});
