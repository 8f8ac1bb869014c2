import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { toHex } from './bytes.ts';
import { DecodeError } from './decode-error.ts';
import { decodeEntry, type Entry, encodeEntry, entryLimits, maxEntryBytes } from './entry.ts';

const origin = '000102030405060708090a0b0c0d0e0f';
const plain: Entry = {
  origin,
  seq: 5,
  hlc: 0x018bcfe568000001n,
  topic: 'orders',
  author: 'alice',
  contentType: 'text/plain',
  headers: {},
  body: Uint8Array.of(0x68, 0x69),
};
const full: Entry = {
  ...plain,
  headers: { b: 'zwei', a: 'ä', __proto__x: '', ['__proto__']: 'own' },
  key: 'k',
  idempotencyKey: 'once',
};

const utf8 = (maxBytes: number, minBytes = 1) =>
  fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .filter((text) => text.isWellFormed())
    .filter((text) => Buffer.byteLength(text) >= minBytes && Buffer.byteLength(text) <= maxBytes);
const characters = (allowed: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...allowed), minLength: 1, maxLength });
const entries: fc.Arbitrary<Entry> = fc.record(
  {
    origin: characters('0123456789abcdef', 32).map((digits) => digits.padEnd(32, '0')),
    seq: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    hlc: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    topic: characters('ABab09._:/-', 200),
    author: utf8(entryLimits.author),
    contentType: utf8(entryLimits.contentType),
    headers: fc.dictionary(characters('ab09-_', 64), utf8(entryLimits.headerValue, 0), { maxKeys: 8 }),
    key: utf8(entryLimits.key),
    idempotencyKey: utf8(entryLimits.idempotencyKey),
    body: fc.uint8Array({ maxLength: 300 }),
  },
  { requiredKeys: ['origin', 'seq', 'hlc', 'topic', 'author', 'contentType', 'headers', 'body'] },
);

test('the bytes are the ones that were settled on', () => {
  assert.equal(
    toHex(encodeEntry(plain)),
    `0100${origin}000000000005018bcfe568000001` +
      '066f7264657273' +
      '0005616c696365' +
      '0a746578742f706c61696e' +
      '00' +
      '000000026869',
  );
  assert.equal(
    toHex(encodeEntry(full)),
    `0103${origin}000000000005018bcfe568000001` +
      '066f7264657273' +
      '0005616c696365' +
      '0a746578742f706c61696e' +
      '04095f5f70726f746f5f5f00036f776e0a5f5f70726f746f5f5f780000016100' +
      '02c3a4016200047a776569' +
      '00016b' +
      '046f6e6365' +
      '000000026869',
  );
});

test('every entry comes back', () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const back = decodeEntry(encodeEntry(entry));
      assert.deepEqual({ ...back, headers: sorted(back.headers) }, { ...entry, headers: sorted(entry.headers) });
    }),
  );
  assert.deepEqual(sorted(decodeEntry(encodeEntry(full)).headers), sorted(full.headers));
});

test('the order in which headers were given makes no difference', () => {
  const [one, other] = [
    { a: '1', b: '2', '10': '3', '9': '4' },
    { '9': '4', b: '2', '10': '3', a: '1' },
  ];
  assert.deepEqual(encodeEntry({ ...plain, headers: one }), encodeEntry({ ...plain, headers: other }));
});

test('the largest entry fits its bound exactly', () => {
  const headers: Record<string, string> = {};
  for (let i = 0; i < entryLimits.headers; i++) {
    headers[`h${i}`.padEnd(entryLimits.headerName, 'x')] = 'v'.repeat(entryLimits.headerValue);
  }
  const largest: Entry = {
    ...plain,
    topic: 't'.repeat(entryLimits.topic),
    author: 'a'.repeat(entryLimits.author),
    contentType: 'c'.repeat(entryLimits.contentType),
    headers,
    key: 'k'.repeat(entryLimits.key),
    idempotencyKey: 'i'.repeat(entryLimits.idempotencyKey),
    body: new Uint8Array(entryLimits.body),
  };
  const bytes = encodeEntry(largest);
  assert.equal(bytes.length, maxEntryBytes);
  assert.equal(decodeEntry(bytes).body.length, entryLimits.body);
});

test('what a publisher may not send is refused with a code and the name of the field', () => {
  const wrong: [string, Partial<Entry>, string, RegExp][] = [
    ['empty topic', { topic: '' }, 'INVALID_TOPIC', /topic/],
    ['topic with a space', { topic: 'a b' }, 'INVALID_TOPIC', /topic/],
    ['long topic', { topic: 't'.repeat(201) }, 'INVALID_TOPIC', /topic/],
    ['no author', { author: '' }, 'INVALID_ARGUMENT', /author: found 0 bytes/],
    ['long author', { author: 'é'.repeat(129) }, 'INVALID_ARGUMENT', /author: found 258 bytes .* 1 to 256/],
    ['half a character', { author: '\ud800' }, 'INVALID_ARGUMENT', /author: .* lone surrogate/],
    ['long content type', { contentType: 'x'.repeat(129) }, 'INVALID_ARGUMENT', /contentType/],
    ['empty key', { key: '' }, 'INVALID_ARGUMENT', /^key/],
    ['long key', { key: 'k'.repeat(257) }, 'INVALID_ARGUMENT', /^key/],
    ['long idempotency key', { idempotencyKey: 'k'.repeat(129) }, 'INVALID_ARGUMENT', /^idempotencyKey/],
    ['header in capitals', { headers: { Accept: '' } }, 'INVALID_ARGUMENT', /headers/],
    ['header without a name', { headers: { '': '' } }, 'INVALID_ARGUMENT', /headers/],
    ['long header', { headers: { a: '€'.repeat(342) } }, 'INVALID_ARGUMENT', /headers.a: found 1026/],
    ['many headers', { headers: numbered(33) }, 'INVALID_ARGUMENT', /headers: found 33, expected at most 32/],
    ['large body', { body: new Uint8Array(entryLimits.body + 1) }, 'PAYLOAD_TOO_LARGE', /found 1048577 bytes/],
  ];
  for (const [name, change, code, message] of wrong) {
    assert.throws(
      () => encodeEntry({ ...plain, ...change }),
      (error) => error instanceof GrapevineError && error.code === code && message.test(error.message),
      name,
    );
  }
});

test('what only a defect of the node can cause is a RangeError', () => {
  for (const change of [{ origin: 'AB' }, { seq: -1 }, { seq: 2 ** 48 }, { hlc: -1n }, { hlc: 1n << 64n }]) {
    assert.throws(() => encodeEntry({ ...plain, ...change }), RangeError);
  }
  assert.equal(decodeEntry(encodeEntry(plain)).seq, 5, 'the next entry is not harmed');
});

test('any truncation is refused', () => {
  const bytes = encodeEntry(full);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeEntry(bytes.subarray(0, length)), DecodeError, `${length} bytes`);
  }
});

test('changed bytes are refused, or are the one encoding of another entry', () => {
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }), extra: fc.boolean() });
  fc.assert(
    fc.property(entries, fc.array(change, { minLength: 1, maxLength: 3 }), (entry, changes) => {
      let bytes = encodeEntry(entry);
      for (const { at, value, extra } of changes) {
        if (extra) bytes = Uint8Array.of(...bytes, value);
        else bytes[at % Math.min(bytes.length, 120)] = value;
      }
      let decoded: Entry;
      try {
        decoded = decodeEntry(bytes);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
        return;
      }
      assert.deepEqual(encodeEntry(decoded), bytes);
    }),
    { numRuns: 2_000 },
  );
});

test('a second encoding of the same entry is refused', () => {
  const hex = toHex(encodeEntry({ ...plain, headers: { a: '', b: '' } }));
  const headers = '02' + '01610000' + '01620000';
  assert.ok(hex.includes(headers));
  const replaced: [string, string, RegExp][] = [
    [headers, '02' + '01620000' + '01610000', /sorted/],
    [headers, '02' + '01610000' + '01610000', /sorted/],
    [headers, '02' + '01410000' + '01620000', /lower-case token/],
    ['0100', '0200', /version 1, found 2/],
    ['0100', '0104', /flags, found 4/],
    ['0005616c696365', '0003efbfff', /UTF-8/],
    ['066f7264657273', '00', /topic/],
    ['066f7264657273', '06ef7264657273', /UTF-8/],
    ['000000026869', '000000016869', /found 1 more/],
    ['000000026869', '00200000', /body: found length 2097152/],
  ];
  for (const [from, to, message] of replaced) {
    const bytes = Uint8Array.fromHex(hex.replace(from, to));
    assert.throws(
      () => decodeEntry(bytes),
      (error) => error instanceof DecodeError && message.test(error.message),
      to,
    );
  }
});

function sorted(headers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(headers).sort();
}

function numbered(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, '']));
}
