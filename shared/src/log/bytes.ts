/** Big-endian reading and writing with bounds, shared by everything that goes on a disk or a wire. */
import { DecodeError } from './decode-error.ts';

const two32 = 0x1_0000_0000;
/** Characters from which on the encoder is faster than a loop. */
const longestLoop = 32;
const u48Max = 0xffff_ffff_ffff;
const scratch = new DataView(new ArrayBuffer(8));

// ignoreBOM keeps a leading U+FEFF in the text: without it two different encodings would decode to one string.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/** Lower-case hexadecimal digits, two per byte. */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** The bytes behind lower-case hexadecimal digits; throws `DecodeError` for anything that `toHex` does not print. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw notHex(text);
  return Uint8Array.fromHex(text);
}

function notHex(text: string): DecodeError {
  return new DecodeError(`Expected pairs of lower-case hexadecimal digits, found ${text.length} characters.`);
}

/** 0 to 15 for the code of a lower-case hexadecimal digit, -1 for any other. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x61 + 10 : -1;
}

/** Byte-wise order: negative when `a` sorts first, 0 when equal; a prefix sorts before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Reads fields in order. Every method throws `DecodeError` instead of reading past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  u16(): number {
    const at = this.#take(2);
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0);
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  u48(): number {
    return this.u16() * two32 + this.u32();
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** The next `length` bytes, as a view of the input. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** The next `length` bytes as text; malformed UTF-8 is refused. */
  utf8(length: number): string {
    const bytes = this.bytes(length);
    try {
      return utf8Decoder.decode(bytes);
    } catch {
      throw new DecodeError(`Expected ${length} bytes of UTF-8, found malformed bytes.`);
    }
  }

  /** Everything that is left, as a view of the input. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** Throws unless everything has been read. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError(`Expected the end, found ${this.remaining} more bytes.`);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.remaining) {
      throw new DecodeError(`Expected ${length} more bytes at offset ${at}, found ${this.remaining}.`);
    }
    this.#at = at + length;
    return at;
  }
}

/**
 * Writes fields in order into one buffer that grows up to `limit` bytes. A value that does not fit its field, or bytes
 * over the limit, are a `RangeError`: whoever encodes checks its data first.
 */
export class ByteWriter {
  readonly #limit: number;
  #buffer: Uint8Array;
  #length = 0;

  constructor(limit: number, capacity = 256) {
    this.#limit = limit;
    this.#buffer = new Uint8Array(Math.min(capacity, limit));
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that still fit under the limit. */
  get remaining(): number {
    return this.#limit - this.#length;
  }

  /** Forgets what was written and keeps the buffer for the next use. */
  reset(): void {
    this.#length = 0;
  }

  u8(value: number): void {
    requireField(value, 0xff);
    const at = this.#grow(1);
    this.#buffer[at] = value;
  }

  u16(value: number): void {
    requireField(value, 0xffff);
    this.#put16(this.#grow(2), value);
  }

  u32(value: number): void {
    requireField(value, 0xffff_ffff);
    this.#put32(this.#grow(4), value);
  }

  u48(value: number): void {
    requireField(value, u48Max);
    const at = this.#grow(6);
    this.#put16(at, Math.floor(value / two32));
    this.#put32(at + 2, value % two32);
  }

  u64(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value)
      throw new RangeError(`Expected an unsigned 64-bit number, found ${value}.`);
    // Taken apart by shifts, each part would be a number on the heap.
    scratch.setBigUint64(0, value);
    const at = this.#grow(8);
    this.#put32(at, scratch.getUint32(0));
    this.#put32(at + 4, scratch.getUint32(4));
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /**
   * The bytes behind lower-case hexadecimal digits; throws `DecodeError` as `fromHex` does. In a fifth of the time that it takes
   * to make an array of them first: vectors are full of origins.
   */
  hex(text: string): void {
    if (text.length % 2 !== 0) throw notHex(text);
    let at = this.#grow(text.length / 2);
    const buffer = this.#buffer;
    for (let i = 0; i < text.length; i += 2) {
      const byte = (hexDigit(text.charCodeAt(i)) << 4) | hexDigit(text.charCodeAt(i + 1));
      if (byte < 0) throw notHex(text);
      buffer[at++] = byte;
    }
  }

  /** Well-formed text as UTF-8 behind its length in bytes, which takes one byte. */
  text8(text: string): void {
    this.u8(0);
    const at = this.#length;
    this.#utf8(text);
    requireField(this.#length - at, 0xff);
    this.#buffer[at - 1] = this.#length - at;
  }

  /** Well-formed text as UTF-8 behind its length in bytes, which takes two bytes. */
  text16(text: string): void {
    this.u16(0);
    const at = this.#length;
    this.#utf8(text);
    requireField(this.#length - at, 0xffff);
    this.#put16(at - 2, this.#length - at);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** What was written, not copied: the writer must not be used any more. */
  take(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #utf8(text: string): void {
    if (this.#ascii(text)) return;
    const at = this.#length;
    if (this.#buffer.length - at < text.length * 3) this.#reserve(at + utf8Length(text));
    const { read, written } = utf8Encoder.encodeInto(text, this.#buffer.subarray(at));
    if (read < text.length) throw new RangeError(`Text of ${text.length} characters did not fit its buffer.`);
    this.#length = at + written;
  }

  /** Short ASCII text, which most is, costs less in a loop than in a call of the encoder. Answers false when it is something else. */
  #ascii(text: string): boolean {
    if (text.length > longestLoop) return false;
    if (this.#length + text.length > this.#buffer.length) this.#reserve(this.#length + text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      this.#buffer[this.#length + i] = unit;
    }
    this.#length += text.length;
    return true;
  }

  #put16(at: number, value: number): void {
    this.#buffer[at] = value >>> 8;
    this.#buffer[at + 1] = value;
  }

  #put32(at: number, value: number): void {
    this.#put16(at, value >>> 16);
    this.#put16(at + 2, value & 0xffff);
  }

  #grow(bytes: number): number {
    const at = this.#length;
    this.#length = at + bytes;
    if (this.#length > this.#buffer.length) this.#reserve(this.#length);
    return at;
  }

  #reserve(length: number): void {
    if (length > this.#limit) throw new RangeError(`Expected at most ${this.#limit} bytes, found ${length}.`);
    if (length <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.min(Math.max(length, this.#buffer.length * 2), this.#limit));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

/** Bytes that well-formed `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Two halves of a surrogate pair make four bytes together: two each.
    length += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return length;
}

function requireField(value: number, max: number): void {
  if (!(value >= 0 && value <= max && Number.isInteger(value))) {
    throw new RangeError(`Expected a whole number from 0 to ${max}, found ${value}.`);
  }
}
