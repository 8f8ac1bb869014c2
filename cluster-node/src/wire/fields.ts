/**
 * The parts that messages are made of. All numbers are big-endian. Every rule here holds in both directions, and sorted
 * collections have no two equal keys: a message has one encoding, and what is written can be read.
 */
import { type ByteReader, type ByteWriter, toHex } from '@grapevine/shared/log/bytes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { fragmentLength } from './fragments.ts';
import * as limits from './limits.ts';
import type {
  Address,
  FragmentPiece,
  MemberDigest,
  MemberState,
  OriginSize,
  PartialSegment,
  Piece,
  SegmentPiece,
} from './messages.ts';
import type { VersionRange } from './version.ts';

const originBytes = 16;
const memberStates: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
/** As the configuration allows. */
const namePattern = /^[a-z0-9-]{1,63}$/;
/** Names, IPv4 and IPv6 addresses; 253 is the longest name that DNS knows (RFC 1035, section 2.3.4). */
const hostPattern = /^[A-Za-z0-9._:-]{1,253}$/;
const tlsFlag = 1;
const catchingUpFlag = 2;
const segmentKind = 0;
const fragmentKind = 1;

/** Origin: 16 bytes, in memory 32 lower-case hexadecimal digits. */
export function writeOrigin(writer: ByteWriter, origin: string): void {
  bounded('length of an origin', origin.length, originBytes * 2, originBytes * 2);
  writer.hex(origin);
}

export function readOrigin(reader: ByteReader): string {
  return toHex(reader.bytes(originBytes));
}

/** Vector: count u16, then count × { origin 16, size u48 }, sorted by origin. */
export function writeVector(writer: ByteWriter, vector: readonly OriginSize[]): void {
  requireAscending(vector, originOf);
  writer.u16(vector.length);
  for (const { origin, size } of vector) {
    writeOrigin(writer, origin);
    writer.u48(size);
  }
}

export function readVector(reader: ByteReader): OriginSize[] {
  const count = bounded('number of origins', reader.u16(), 0, Math.floor(reader.remaining / limits.originSizeBytes));
  const vector: OriginSize[] = [];
  for (let i = 0; i < count; i++) vector.push({ origin: readOrigin(reader), size: reader.u48() });
  requireAscending(vector, originOf);
  return vector;
}

/**
 * Partials: count u8 (0 to 4), then count × { origin 16, firstSeq u48, fragmentBytes u16, bitmap length u16, bitmap },
 * sorted by origin. A bitmap ends with the last fragment that is here: its last byte is not zero.
 */
export function writePartials(writer: ByteWriter, partials: readonly PartialSegment[]): void {
  requireAscending(partials, originOf);
  writer.u8(bounded('number of partials', partials.length, 0, limits.maxPartials));
  for (const partial of partials) {
    writeOrigin(writer, partial.origin);
    writer.u48(partial.firstSeq);
    writer.u16(boundedFragment(partial.fragmentBytes));
    writer.u16(bounded('length of a bitmap', partial.have.length, 1, limits.maxBitmapBytes));
    writer.bytes(trimmed(partial.have));
  }
}

export function readPartials(reader: ByteReader): PartialSegment[] {
  const count = bounded('number of partials', reader.u8(), 0, limits.maxPartials);
  const partials: PartialSegment[] = [];
  for (let i = 0; i < count; i++) {
    partials.push({
      origin: readOrigin(reader),
      firstSeq: reader.u48(),
      fragmentBytes: boundedFragment(reader.u16()),
      have: trimmed(reader.bytes(bounded('length of a bitmap', reader.u16(), 1, limits.maxBitmapBytes))),
    });
  }
  requireAscending(partials, originOf);
  return partials;
}

/**
 * Pieces: count u16 (0 to 512), then count × one of
 * - { kind u8 = 0, length u16, segment }
 * - { kind u8 = 1, origin 16, firstSeq u48, segmentBytes u32, fragmentBytes u16, index u16, bytes }, whose length is
 *   `fragmentBytes`, or for the last index what is left of `segmentBytes`. A segment has at least two fragments.
 */
export function writePieces(writer: ByteWriter, pieces: readonly Piece[]): void {
  writer.u16(bounded('number of pieces', pieces.length, 0, limits.maxPieces));
  for (const piece of pieces) {
    if (piece.kind === 'segment') writeSegment(writer, piece);
    else writeFragment(writer, piece);
  }
}

export function readPieces(reader: ByteReader): Piece[] {
  const count = bounded('number of pieces', reader.u16(), 0, limits.maxPieces);
  const pieces: Piece[] = [];
  for (let i = 0; i < count; i++) {
    const kind = bounded('kind of piece', reader.u8(), segmentKind, fragmentKind);
    pieces.push(kind === segmentKind ? readSegment(reader) : readFragment(reader));
  }
  return pieces;
}

function writeSegment(writer: ByteWriter, piece: SegmentPiece): void {
  writer.u8(segmentKind);
  writer.u16(bounded('length of a segment', piece.bytes.length, 1, limits.maxDatagramBytes));
  writer.bytes(piece.bytes);
}

function readSegment(reader: ByteReader): SegmentPiece {
  const length = bounded('length of a segment', reader.u16(), 1, limits.maxDatagramBytes);
  return { kind: 'segment', bytes: reader.bytes(length) };
}

function writeFragment(writer: ByteWriter, piece: FragmentPiece): void {
  const { segmentBytes, fragmentBytes, offset, bytes } = piece;
  const index = offset / boundedFragment(fragmentBytes);
  bounded('length of a fragmented segment', segmentBytes, fragmentBytes + 1, limits.maxSegmentBytes);
  const length = fragmentLength(segmentBytes, fragmentBytes, index);
  bounded('length of a fragment', bytes.length, Math.max(length, 1), length);
  writer.u8(fragmentKind);
  writeOrigin(writer, piece.origin);
  writer.u48(piece.firstSeq);
  writer.u32(segmentBytes);
  writer.u16(fragmentBytes);
  writer.u16(index);
  writer.bytes(bytes);
}

function readFragment(reader: ByteReader): FragmentPiece {
  const origin = readOrigin(reader);
  const firstSeq = reader.u48();
  const segmentBytes = reader.u32();
  const fragmentBytes = boundedFragment(reader.u16());
  bounded('length of a fragmented segment', segmentBytes, fragmentBytes + 1, limits.maxSegmentBytes);
  const index = bounded('index of a fragment', reader.u16(), 0, Math.ceil(segmentBytes / fragmentBytes) - 1);
  const bytes = reader.bytes(fragmentLength(segmentBytes, fragmentBytes, index));
  return { kind: 'fragment', origin, firstSeq, segmentBytes, fragmentBytes, offset: index * fragmentBytes, bytes };
}

/**
 * Members: count u8 (larger clusters send a rotating part), then count × { name length u8, name [a-z0-9-], origin 16,
 * boot epoch u48, incarnation u32, heartbeat u48, state u8 (0 alive, 1 suspect, 2 dead, 3 left), versions { lowest u8 (1 or
 * more), highest u8 (not below) }, UDP address, HTTP address, flags u8 (1 TLS, 2 catching up) }, sorted by name.
 */
export function writeMembers(writer: ByteWriter, members: readonly MemberDigest[]): void {
  requireAscending(members, nameOf);
  writer.u8(members.length);
  for (const member of members) {
    writer.text8(matching('member name', member.name, namePattern));
    writeOrigin(writer, member.origin);
    writer.u48(member.bootEpoch);
    writer.u32(member.incarnation);
    writer.u48(member.heartbeat);
    writer.u8(memberStates.indexOf(member.state));
    writeVersions(writer, member.versions);
    writeAddress(writer, member.udp);
    writeAddress(writer, member.http);
    writer.u8((member.tls ? tlsFlag : 0) | (member.catchingUp ? catchingUpFlag : 0));
  }
}

export function readMembers(reader: ByteReader): MemberDigest[] {
  const count = reader.u8();
  const members: MemberDigest[] = [];
  for (let i = 0; i < count; i++) {
    const member = {
      name: matching('member name', reader.utf8(reader.u8()), namePattern),
      origin: readOrigin(reader),
      bootEpoch: reader.u48(),
      incarnation: reader.u32(),
      heartbeat: reader.u48(),
      state: readState(reader),
      versions: readVersions(reader),
      udp: readAddress(reader),
      http: readAddress(reader),
    };
    const flags = bounded('flags of a member', reader.u8(), 0, tlsFlag | catchingUpFlag);
    members.push({ ...member, tls: (flags & tlsFlag) !== 0, catchingUp: (flags & catchingUpFlag) !== 0 });
  }
  requireAscending(members, nameOf);
  return members;
}

/** Sums: log2 of their number u8 (0 to 6), then so many u32. */
export function writeSums(writer: ByteWriter, sums: readonly number[]): void {
  const bits = Math.log2(bounded('number of sums', sums.length, 1, limits.maxMemberSums));
  if (!Number.isInteger(bits)) throw new DecodeError(`Expected 1, 2, 4 … 64 sums, found ${sums.length}.`);
  writer.u8(bits);
  for (const sum of sums) writer.u32(sum);
}

export function readSums(reader: ByteReader): number[] {
  const bits = bounded('doublings of the number of sums', reader.u8(), 0, Math.log2(limits.maxMemberSums));
  return Array.from({ length: 2 ** bits }, () => reader.u32());
}

function readState(reader: ByteReader): MemberState {
  const number = reader.u8();
  const state = memberStates[number];
  if (state === undefined) throw new DecodeError(`Expected a member state from 0 to 3, found ${number}.`);
  return state;
}

function writeVersions(writer: ByteWriter, { lowest, highest }: VersionRange): void {
  writer.u8(bounded('lowest version', lowest, 1, 255));
  writer.u8(bounded('highest version', highest, lowest, 255));
}

function readVersions(reader: ByteReader): VersionRange {
  const lowest = bounded('lowest version', reader.u8(), 1, 255);
  return { lowest, highest: bounded('highest version', reader.u8(), lowest, 255) };
}

/** Address: host length u8, host [A-Za-z0-9._:-], port u16 (not 0: nothing can be sent there). */
function writeAddress(writer: ByteWriter, address: Address): void {
  writer.text8(matching('host', address.host, hostPattern));
  writer.u16(bounded('port', address.port, 1, 65_535));
}

function readAddress(reader: ByteReader): Address {
  const host = matching('host', reader.utf8(reader.u8()), hostPattern);
  return { host, port: bounded('port', reader.u16(), 1, 65_535) };
}

function originOf(item: { readonly origin: string }): string {
  return item.origin;
}

function nameOf(member: MemberDigest): string {
  return member.name;
}

/** Keys are ASCII, so order by UTF-16 unit is order by byte. */
function requireAscending<Item>(items: readonly Item[], keyOf: (item: Item) => string): void {
  let previous = '';
  for (const item of items) {
    const key = keyOf(item);
    if (key <= previous) throw new DecodeError(`Expected ascending keys, found ${key} after ${previous}.`);
    previous = key;
  }
}

function trimmed(bitmap: Uint8Array): Uint8Array {
  if (bitmap.at(-1) === 0) throw new DecodeError('Expected a bitmap without zero bytes at its end.');
  return bitmap;
}

function matching(field: string, text: string, pattern: RegExp): string {
  if (pattern.test(text)) return text;
  throw new DecodeError(`${field}: expected ${pattern.source}, found ${text.length} other characters.`);
}

function boundedFragment(fragmentBytes: number): number {
  return bounded('size of fragments', fragmentBytes, limits.minFragmentBytes, limits.maxDatagramBytes);
}

function bounded(field: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new DecodeError(`${field}: expected ${min} to ${max}, found ${value}.`);
}
