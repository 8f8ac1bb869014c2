/**
 * One message as canonical bytes. There is exactly one encoding per entry and decoding refuses every other, so that the
 * message id (the leaf hash of these bytes) names the content and nothing else.
 *
 * ```
 * version u8 = 1 · flags u8 (1: has key, 2: has idempotency key) · origin 16 · seq u48 · hlc u64
 * topic     u8 length + ASCII            author  u16 length + UTF-8     content type  u8 length + UTF-8
 * headers   u8 count, then sorted by name, no name twice: name u8 length + ASCII, value u16 length + UTF-8
 * [key      u16 length + UTF-8]          [idempotency key  u8 length + UTF-8]
 * body      u32 length + bytes, to the end
 * ```
 */
import { GrapevineError } from '../errors/grapevine-error.ts';
import { ByteReader, ByteWriter, toHex, utf8Length } from './bytes.ts';
import { DecodeError } from './decode-error.ts';

export interface Entry {
  /** Who accepted it: 32 hexadecimal digits. */
  readonly origin: string;
  /** Place in the origin's log, from 0, without holes. */
  readonly seq: number;
  readonly hlc: bigint;
  readonly topic: string;
  readonly author: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly key?: string;
  readonly idempotencyKey?: string;
  readonly body: Uint8Array;
}

/** Bounds of every field; lengths are bytes of UTF-8. What is optional is absent or not empty. */
export const entryLimits = {
  /** Topics are ASCII, so bytes are characters. */
  topic: 200,
  author: 256,
  contentType: 128,
  /** Number of headers. */
  headers: 32,
  headerName: 64,
  headerValue: 1024,
  key: 256,
  idempotencyKey: 128,
  /** The hard cap on disk and wire, above any configured limit: bounds what a forged segment can make a node allocate. */
  body: 1024 * 1024,
} as const;

const version = 1;
const hasKey = 1;
const hasIdempotencyKey = 2;
const topicPattern = /^[A-Za-z0-9._:/-]{1,200}$/;
const headerNamePattern = /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const originPattern = /^[0-9a-f]{32}$/;

/** Longest encoding, in bytes: every field at its limit, with its length field. */
export const maxEntryBytes =
  1 +
  1 +
  16 +
  6 +
  8 +
  (1 + entryLimits.topic) +
  (2 + entryLimits.author) +
  (1 + entryLimits.contentType) +
  1 +
  entryLimits.headers * (1 + entryLimits.headerName + 2 + entryLimits.headerValue) +
  (2 + entryLimits.key) +
  (1 + entryLimits.idempotencyKey) +
  (4 + entryLimits.body);

/** Entries that are encoded together share buffers of about this many bytes: making one per entry is what costs most. */
const sharedBytes = 64 * 1024;

// One writer for all calls: encoding is synchronous.
const writer = new ByteWriter(sharedBytes + maxEntryBytes, sharedBytes);

/**
 * The canonical bytes of `entry`. Throws `GrapevineError` (`INVALID_TOPIC`, `PAYLOAD_TOO_LARGE`, `INVALID_ARGUMENT`) that
 * names the field when one is outside `entryLimits`, since those come from whoever publishes; `RangeError` when origin,
 * seq or hlc are, since those come from the node.
 */
export function encodeEntry(entry: Entry): Uint8Array {
  writer.reset();
  writeEntry(entry);
  return writer.finish();
}

/** `encodeEntry` for each of `entries`, several times faster; the results share memory. */
export function encodeEntries(entries: readonly Entry[]): Uint8Array[] {
  const encoded: Uint8Array[] = [];
  let ends: number[] = [];
  const cut = (): void => {
    const bytes = writer.finish();
    for (const [i, end] of ends.entries()) encoded.push(bytes.subarray(ends[i - 1] ?? 0, end));
    writer.reset();
    ends = [];
  };
  writer.reset();
  for (const entry of entries) {
    writeEntry(entry);
    ends.push(writer.length);
    if (writer.length >= sharedBytes) cut();
  }
  cut();
  return encoded;
}

function writeEntry(entry: Entry): void {
  requirePublishable(entry);
  const headers = Object.entries(entry.headers).sort(byName);
  writer.u8(version);
  writer.u8((entry.key === undefined ? 0 : hasKey) | (entry.idempotencyKey === undefined ? 0 : hasIdempotencyKey));
  writer.bytes(originBytes(entry.origin));
  writer.u48(entry.seq);
  writer.u64(entry.hlc);
  writer.text8(entry.topic);
  writer.text16(entry.author);
  writer.text8(entry.contentType);
  writer.u8(headers.length);
  for (const [name, value] of headers) {
    writer.text8(name);
    writer.text16(value);
  }
  if (entry.key !== undefined) writer.text16(entry.key);
  if (entry.idempotencyKey !== undefined) writer.text8(entry.idempotencyKey);
  writer.u32(entry.body.length);
  writer.bytes(entry.body);
}

/** The origin that was encoded last: a node encodes hardly any but its own. */
let lastOrigin = { hex: '', bytes: new Uint8Array(0) };

function originBytes(hex: string): Uint8Array {
  if (hex !== lastOrigin.hex) {
    if (!originPattern.test(hex)) throw new RangeError(`Expected an origin of 32 digits, found ${hex}.`);
    lastOrigin = { hex, bytes: Uint8Array.fromHex(hex) };
  }
  return lastOrigin.bytes;
}

/**
 * The entry behind canonical bytes; throws `DecodeError` for any bytes that `encodeEntry` does not produce. `body` is a view
 * of `bytes`: copy it before the buffer is used again.
 */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = new ByteReader(bytes);
  const found = reader.u8();
  if (found !== version) throw new DecodeError(`Expected entry version ${version}, found ${found}.`);
  const flags = reader.u8();
  if (flags > (hasKey | hasIdempotencyKey)) throw new DecodeError(`Expected known flags, found ${flags}.`);
  const entry = {
    origin: toHex(reader.bytes(16)),
    seq: reader.u48(),
    hlc: reader.u64(),
    topic: readTopic(reader),
    author: readText(reader, 'author', reader.u16(), entryLimits.author),
    contentType: readText(reader, 'content type', reader.u8(), entryLimits.contentType),
    headers: readHeaders(reader),
    ...((flags & hasKey) === 0 ? {} : { key: readText(reader, 'key', reader.u16(), entryLimits.key) }),
    ...((flags & hasIdempotencyKey) === 0
      ? {}
      : { idempotencyKey: readText(reader, 'idempotency key', reader.u8(), entryLimits.idempotencyKey) }),
    body: reader.bytes(bounded('body', reader.u32(), 0, entryLimits.body)),
  };
  reader.end();
  return entry;
}

type Header = readonly [name: string, value: string];

/** Names are ASCII, so order by UTF-16 unit is order by byte. */
function byName([a]: Header, [b]: Header): number {
  return a < b ? -1 : 1;
}

/** Throws as `encodeEntry` does when a field that comes from whoever publishes is outside `entryLimits`. */
export function requirePublishable(entry: Omit<Entry, 'origin' | 'seq' | 'hlc'>): void {
  const headers = Object.entries(entry.headers);
  if (!topicPattern.test(entry.topic)) {
    throw new GrapevineError('INVALID_TOPIC', 'Expected a topic of 1 to 200 characters of A-Z a-z 0-9 . _ : / -');
  }
  requireText('author', entry.author, 1, entryLimits.author);
  requireText('contentType', entry.contentType, 1, entryLimits.contentType);
  if (headers.length > entryLimits.headers) {
    throw invalid(`headers: found ${headers.length}, expected at most ${entryLimits.headers}.`);
  }
  for (const [name, value] of headers) {
    if (!headerNamePattern.test(name)) {
      throw invalid('headers: expected names of 1 to 64 characters, a lower-case HTTP token each.');
    }
    requireText(`headers.${name}`, value, 0, entryLimits.headerValue);
  }
  if (entry.key !== undefined) requireText('key', entry.key, 1, entryLimits.key);
  if (entry.idempotencyKey !== undefined) {
    requireText('idempotencyKey', entry.idempotencyKey, 1, entryLimits.idempotencyKey);
  }
  if (entry.body.length > entryLimits.body) {
    throw new GrapevineError(
      'PAYLOAD_TOO_LARGE',
      `body: found ${entry.body.length} bytes, expected at most ${entryLimits.body}.`,
    );
  }
}

function requireText(field: string, text: string, min: number, max: number): void {
  // A lone surrogate would be written as U+FFFD and come back as another text.
  if (!text.isWellFormed()) throw invalid(`${field}: expected well-formed Unicode, found a lone surrogate.`);
  // Three bytes are the most that one UTF-16 unit takes: short texts need no count.
  const length = text.length * 3 <= max ? text.length : utf8Length(text);
  if (length < min || length > max) {
    throw invalid(`${field}: found ${length} bytes of UTF-8, expected ${min} to ${max}.`);
  }
}

function invalid(message: string): GrapevineError {
  return new GrapevineError('INVALID_ARGUMENT', message);
}

function readTopic(reader: ByteReader): string {
  const topic = reader.utf8(reader.u8());
  if (!topicPattern.test(topic)) throw new DecodeError('Expected a topic of 1 to 200 allowed characters.');
  return topic;
}

function readHeaders(reader: ByteReader): Record<string, string> {
  const count = bounded('number of headers', reader.u8(), 0, entryLimits.headers);
  const headers: Header[] = [];
  let previous = '';
  for (let i = 0; i < count; i++) {
    const name = reader.utf8(reader.u8());
    if (!headerNamePattern.test(name)) throw new DecodeError('Expected a header name that is a lower-case token.');
    if (name <= previous) throw new DecodeError('Expected headers sorted by name, each name once.');
    headers.push([name, reader.utf8(bounded('header value', reader.u16(), 0, entryLimits.headerValue))]);
    previous = name;
  }
  // fromEntries defines properties, so that a header named __proto__ stays a header.
  return Object.fromEntries(headers);
}

function readText(reader: ByteReader, field: string, length: number, max: number): string {
  return reader.utf8(bounded(field, length, 1, max));
}

function bounded(field: string, length: number, min: number, max: number): number {
  if (length < min || length > max)
    throw new DecodeError(`${field}: found length ${length}, expected ${min} to ${max}.`);
  return length;
}
