import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../log/bytes.ts';
import { DecodeError } from '../log/decode-error.ts';
import { deserializeTree, maxSignatureBytes, serializeTree } from './interchange.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const first = ascii('52e422506d8238ef3196b41db4c41ee0afd659b6');
const second = ascii('26fe8e189fd5bb3fe56d4d3def6494802cb8cba3');
const hex40 = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => ascii(String(i).padStart(40, '0')));
const leaf = (signature: Uint8Array): string => `0000000028${toHex(signature)}`;

test('two leaves give the bytes that the reference implementation gives', () => {
  const expected = `cdaace9900000003010000000800000000716c1684${leaf(first)}${leaf(second)}`;
  assert.equal(toHex(serializeTree([first, second])), expected);
});

test('node counts and sizes are those of the reference implementation', () => {
  const sizes = [
    [2, 3, 111],
    [3, 6, 214],
    [4, 7, 227],
    [6, 12, 356],
    [8, 15, 459],
    [9, 20, 652],
    [10, 21, 601],
  ] as const;
  for (const [leaves, nodes, bytes] of sizes) {
    const serialized = serializeTree(hex40(leaves));
    assert.equal(serialized.length, bytes, `${leaves} leaves`);
    assert.equal(new DataView(serialized.buffer).getInt32(4), nodes, `${leaves} leaves`);
  }
});

test('a lone last child is promoted through inner nodes of its own', () => {
  const [a, b, c] = hex40(3);
  assert.ok(a && b && c);
  const serialized = toHex(serializeTree([a, b, c]));
  assert.ok(serialized.endsWith(`0100000028${toHex(c)}${leaf(a)}${leaf(b)}${leaf(c)}`), serialized);
});

test('trees come back', () => {
  const signature = fc.uint8Array({ minLength: 1, maxLength: 70 });
  fc.assert(
    fc.property(fc.array(signature, { minLength: 2, maxLength: 70 }), (leaves) => {
      assert.deepEqual(deserializeTree(serializeTree(leaves)), leaves);
    }),
  );
});

test('what the format does not have is not written', () => {
  assert.throws(() => serializeTree([]), /two leaves or more, found 0/);
  assert.throws(() => serializeTree([first]), RangeError);
  assert.throws(() => serializeTree([first, new Uint8Array(0)]), RangeError);
  assert.throws(() => serializeTree([first, new Uint8Array(maxSignatureBytes + 1)]), RangeError);
});

test('what the reference implementation lets pass is refused', () => {
  const good = toHex(serializeTree([first, second]));
  const cases: [string, string, RegExp][] = [
    ['trailing byte', `${good}00`, /found 1 more bytes/],
    ['root signature', good.replace('716c1684', '716c1685'), /Node 0: expected signature 00000000716c1684/],
    ['type of the root', good.replace('0301', '0302'), /Node 0: expected type 0 or 1, found 2/],
    ['type of a leaf', good.replace(leaf(second), `ff00000028${toHex(second)}`), /Node 2: .* found 255/],
    [
      'inner node for a leaf',
      good.replace(leaf(second), `0100000028${toHex(second)}`),
      /Node 2: inner node after a leaf/,
    ],
    ['leaf for the root', good.replace('0301', '0300'), /Expected 6 nodes over 3 leaves, found 3/],
    ['magic', good.replace('cdaace99', 'cdaace98'), /found cdaace98/],
    ['count too small', good.replace('00000003', '00000002'), /found 45 more bytes/],
    ['count too large', good.replace('00000003', '00000004'), /more bytes at offset/],
    ['count of nothing', 'cdaace9900000000', /two leaves or more, found 0/],
    ['negative count', good.replace('00000003', 'ffffffff'), /more bytes at offset/],
    ['negative length', good.replace('00000028', 'ffffffff'), /1 to 256 bytes, found -1/],
    ['huge length', good.replace('00000028', '7fffffff'), /found 2147483647/],
    ['empty signature', good.replace('00000028', '00000000'), /found 0/],
    ['other leaf', good.replace(toHex(second), toHex(first)), /Node 0: expected signature/],
  ];
  for (const [name, bytes, message] of cases) {
    assert.notEqual(bytes, good, name);
    const decode = () => deserializeTree(Uint8Array.fromHex(bytes));
    assert.throws(decode, (error) => error instanceof DecodeError && message.test(error.message), name);
  }
});

test('a single node, which would be its own root, is refused', () => {
  assert.throws(() => deserializeTree(Uint8Array.fromHex(`cdaace9900000001${leaf(first)}`)), /two leaves or more/);
});

test('any truncation and any flipped bit is refused', () => {
  const good = serializeTree(hex40(9));
  for (let length = 0; length < good.length; length++) {
    assert.throws(() => deserializeTree(good.subarray(0, length)), DecodeError, `${length} bytes`);
  }
  for (let at = 0; at < good.length; at++) {
    for (const bit of [1, 16, 128]) {
      const bytes = good.with(at, (good[at] ?? 0) ^ bit);
      assert.throws(() => deserializeTree(bytes), DecodeError, `byte ${at}`);
    }
  }
});
