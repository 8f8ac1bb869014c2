import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { aeadOpen, aeadSeal, tagBytes } from './aead.ts';

const random = new SeededRandom(1);

function sealed(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const out = new Uint8Array(plaintext.length + tagBytes);
  aeadSeal(key, nonce, associated, plaintext, out);
  return out;
}

function sealedByNode(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

test('seals the example of RFC 8439, section 2.8.2, and with one byte less of associated data something else', () => {
  const key = fromHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
  const nonce = fromHex('070000004041424344454647');
  const associated = fromHex('50515253c0c1c2c3c4c5c6c7');
  const text =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
  const result = sealed(key, nonce, associated, new TextEncoder().encode(text));
  assert.equal(toHex(result.subarray(-tagBytes)), '1ae10b594f09e26a7e902ecbd0600691');
  assert.equal(toHex(result.subarray(0, 16)), 'd31a8d34648e60db7b86afbc53ef7ec2');
  const shorter = sealed(key, nonce, associated.subarray(0, 11), new TextEncoder().encode(text));
  assert.notDeepEqual(shorter.subarray(-tagBytes), result.subarray(-tagBytes));
});

test('both libraries give the same bytes at every length, around the change from one to the other and at the ends', () => {
  const lengths = [...Array(700).keys(), 1_351, 1_400, 8_191, 65_458];
  for (const length of lengths) {
    const [key, nonce, associated] = [random.bytes(32), random.bytes(12), random.bytes(21)];
    const plaintext = random.bytes(length);
    const result = sealed(key, nonce, associated, plaintext);
    assert.deepEqual(toHex(result), toHex(sealedByNode(key, nonce, associated, plaintext)), `length ${length}`);
    const opened = aeadOpen(key, nonce, associated, result);
    assert.deepEqual(opened, plaintext);
    assert.equal(opened?.constructor, Uint8Array);
  }
});

test('what was opened and sealed stays as it is when the next one comes', () => {
  for (const length of [100, 1_000]) {
    const [key, nonce, associated] = [random.bytes(32), random.bytes(12), random.bytes(21)];
    const plaintext = random.bytes(length);
    const first = sealed(key, nonce, associated, plaintext);
    const copy = first.slice();
    const opened = aeadOpen(key, nonce, associated, first);
    aeadOpen(key, nonce, associated, sealed(key, nonce, associated, random.bytes(length)));
    assert.deepEqual(opened, plaintext);
    assert.deepEqual(first, copy);
  }
});

test('one flipped bit anywhere in key, nonce, associated data, ciphertext or tag is noticed', () => {
  for (const length of [0, 40, 1_000]) {
    const inputs = [random.bytes(32), random.bytes(12), random.bytes(21)] as const;
    const datagram = sealed(...inputs, random.bytes(length));
    for (const part of [...inputs, datagram]) {
      for (let bit = 0; bit < part.length * 8; bit += length > 100 ? 7 : 1) {
        const at = bit >> 3;
        part[at] = (part[at] ?? 0) ^ (1 << (bit & 7));
        assert.equal(aeadOpen(...inputs, datagram), undefined);
        part[at] = (part[at] ?? 0) ^ (1 << (bit & 7));
      }
    }
    assert.ok(aeadOpen(...inputs, datagram) !== undefined);
  }
});
