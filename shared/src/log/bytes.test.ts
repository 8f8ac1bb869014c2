import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteReader, ByteWriter, compareBytes, equalBytes, fromHex, toHex, utf8Length } from './bytes.ts';
import { DecodeError } from './decode-error.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 80 }).filter((value) => value.isWellFormed());

test('fields come back as they were written, at any capacity', () => {
  const fields = fc.record({
    u8: fc.integer({ min: 0, max: 0xff }),
    u16: fc.integer({ min: 0, max: 0xffff }),
    u32: fc.integer({ min: 0, max: 0xffff_ffff }),
    u48: fc.integer({ min: 0, max: 0xffff_ffff_ffff }),
    u64: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    bytes: fc.uint8Array({ maxLength: 40 }),
    long: text,
    capacity: fc.integer({ min: 0, max: 300 }),
  });
  fc.assert(
    fc.property(fields, (value) => {
      const short = value.long.slice(0, 20).toWellFormed();
      const writer = new ByteWriter(2_000, value.capacity);
      writer.u8(value.u8);
      writer.u16(value.u16);
      writer.u32(value.u32);
      writer.u48(value.u48);
      writer.u64(value.u64);
      writer.text8(short);
      writer.text16(value.long);
      writer.bytes(value.bytes);
      const reader = new ByteReader(writer.finish());
      assert.equal(reader.remaining, writer.length);
      assert.equal(reader.u8(), value.u8);
      assert.equal(reader.u16(), value.u16);
      assert.equal(reader.u32(), value.u32);
      assert.equal(reader.u48(), value.u48);
      assert.equal(reader.u64(), value.u64);
      assert.equal(reader.utf8(reader.u8()), short);
      assert.equal(reader.utf8(reader.u16()), value.long);
      assert.deepEqual(reader.rest(), value.bytes);
      reader.end();
    }),
  );
});

test('numbers are big-endian', () => {
  const writer = new ByteWriter(100);
  writer.u16(0x0102);
  writer.u32(0x03040506);
  writer.u48(0x0708090a0b0c);
  writer.u64(0x0d0e0f1011121314n);
  assert.equal(toHex(writer.finish()), '0102030405060708090a0b0c0d0e0f1011121314');
});

test('reading past the end, and leaving something unread, is refused', () => {
  const reads: ((reader: ByteReader) => unknown)[] = [
    (reader) => reader.u16(),
    (reader) => reader.u32(),
    (reader) => reader.u48(),
    (reader) => reader.u64(),
    (reader) => reader.bytes(2),
    (reader) => reader.utf8(2),
    (reader) => reader.end(),
  ];
  for (const read of reads) assert.throws(() => read(new ByteReader(Uint8Array.of(1))), DecodeError);
  assert.throws(() => new ByteReader(new Uint8Array(0)).u8(), /Expected 1 more bytes at offset 0, found 0/);
});

test('malformed UTF-8 is refused and a byte order mark is kept', () => {
  for (const malformed of ['ff', 'c080', 'e282', 'eda080', 'f4908080']) {
    const bytes = fromHex(malformed);
    assert.throws(() => new ByteReader(bytes).utf8(bytes.length), DecodeError, malformed);
  }
  assert.equal(new ByteReader(fromHex('efbbbf61')).utf8(4), '\ufeffa');
});

test('values that do not fit their field, and bytes over the limit, are refused', () => {
  const writes: ((writer: ByteWriter) => void)[] = [
    (writer) => writer.u8(256),
    (writer) => writer.u8(-1),
    (writer) => writer.u16(0x1_0000),
    (writer) => writer.u16(1.5),
    (writer) => writer.u32(2 ** 32),
    (writer) => writer.u48(2 ** 48),
    (writer) => writer.u48(Number.NaN),
    (writer) => writer.u64(-1n),
    (writer) => writer.u64(1n << 64n),
    (writer) => writer.text8('x'.repeat(256)),
    (writer) => writer.text16('x'.repeat(65_536)),
  ];
  for (const write of writes) assert.throws(() => write(new ByteWriter(100_000)), RangeError);
  const full = new ByteWriter(4, 2);
  full.u32(1);
  assert.equal(full.remaining, 0);
  assert.throws(() => full.u8(1), RangeError);
  assert.throws(() => new ByteWriter(5).text8('äöü'), RangeError);
  assert.throws(() => new ByteWriter(5).bytes(new Uint8Array(6)), /at most 5 bytes, found 6/);
});

test('what was finished stays as it was when the writer is used again', () => {
  const writer = new ByteWriter(10);
  writer.u8(1);
  const first = writer.finish();
  writer.reset();
  writer.u8(2);
  assert.deepEqual(first, Uint8Array.of(1));
  assert.deepEqual(writer.finish(), Uint8Array.of(2));
});

test('lengths in UTF-8 are counted right', () => {
  fc.assert(fc.property(text, (value) => assert.equal(utf8Length(value), new TextEncoder().encode(value).length)));
  assert.equal(utf8Length('aé€😀'), 1 + 2 + 3 + 4);
});

test('hexadecimal digits come back, and nothing else is taken for them', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(fromHex(toHex(bytes)), bytes)));
  const written = (text: string): Uint8Array => {
    const writer = new ByteWriter(1_000, 1);
    writer.u8(7);
    writer.hex(text);
    return writer.finish();
  };
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(written(toHex(bytes)), Uint8Array.of(7, ...bytes))),
  );
  for (const wrong of ['a', 'AB', '0x', 'zz', ' 00', '0 ', '/0', '0:', '`0', '0g', '\u0130\u0130']) {
    assert.throws(() => fromHex(wrong), DecodeError, wrong);
    assert.throws(() => written(wrong), DecodeError, wrong);
  }
});

test('bytes are ordered like their hexadecimal digits', () => {
  const bytes = fc.uint8Array({ maxLength: 4, max: 3 });
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(compareBytes(a, b) < 0, toHex(a) < toHex(b));
      assert.equal(equalBytes(a, b), toHex(a) === toHex(b));
    }),
  );
});
