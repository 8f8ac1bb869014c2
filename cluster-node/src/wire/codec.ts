import { ByteReader, ByteWriter } from '@grapevine/shared/log/bytes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import {
  readMembers,
  readOrigin,
  readPartials,
  readPieces,
  readSums,
  readVector,
  writeMembers,
  writeOrigin,
  writePartials,
  writePieces,
  writeSums,
  writeVector,
} from './fields.ts';
import { maxDatagramBytes, maxPayload } from './limits.ts';
import {
  everyOrigin,
  type MembersRequest,
  type MembersResponse,
  type NodeMessage,
  type Nudge,
  type PullRequest,
  type PullResponse,
} from './messages.ts';
import { speaks, spokenVersions, type VersionRange } from './version.ts';

const pullRequestType = 1;
const pullResponseType = 2;
const nudgeType = 3;
const membersRequestType = 4;
const membersResponseType = 5;
const rootBytes = 32;

const writer = new ByteWriter(maxPayload(maxDatagramBytes), 2_048);

/**
 * Message: version u8, type u8 (1 pull request, 2 pull response, 3 nudge, 4 members request, 5 members response), then the
 * body of that type. There is one grammar yet, whatever the version.
 *
 * Throws `DecodeError` or `RangeError` for a message that `decodeMessage` would not take back, or that does not fit any
 * datagram: a defect of whoever built it.
 */
export function encodeMessage(message: NodeMessage, version: number = spokenVersions.highest): Uint8Array {
  writer.reset();
  writer.u8(version);
  switch (message.type) {
    case 'pull-request':
      writePullRequest(message);
      break;
    case 'pull-response':
      writePullResponse(message);
      break;
    case 'nudge':
      writeNudge(message);
      break;
    case 'members-request':
      writeMembersRequest(message);
      break;
    case 'members-response':
      writeMembersResponse(message);
      break;
  }
  return writer.finish();
}

/**
 * The message behind `bytes`; throws `DecodeError`, and nothing else, for bytes that `encodeMessage` does not produce.
 * Segments, fragments, bitmaps and the root are views of `bytes`: copy them before the buffer is used again.
 */
export function decodeMessage(bytes: Uint8Array, versions: VersionRange = spokenVersions): NodeMessage {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (!speaks(versions, version)) {
    throw new DecodeError(`Expected message version ${versions.lowest} to ${versions.highest}, found ${version}.`);
  }
  const message = readBody(reader, reader.u8());
  reader.end();
  return message;
}

function readBody(reader: ByteReader, type: number): NodeMessage {
  switch (type) {
    case pullRequestType:
      return readPullRequest(reader);
    case pullResponseType:
      return readPullResponse(reader);
    case nudgeType:
      return readNudge(reader);
    case membersRequestType:
      return readMembersRequest(reader);
    case membersResponseType:
      return readMembersResponse(reader);
    default:
      throw new DecodeError(`Expected a message of type 1 to 5, found ${type}.`);
  }
}

/**
 * Pull request: requestId u32, budget u32, range { from 16, to 16 }, root 32, vector, partials, members. `from` is not
 * above `to`, and the vector stays inside them.
 */
function writePullRequest(message: PullRequest): void {
  requireInside(message);
  if (message.root.length !== rootBytes)
    throw new RangeError(`Expected a root of 32 bytes, found ${message.root.length}.`);
  writer.u8(pullRequestType);
  writer.u32(message.requestId);
  writer.u32(message.budget);
  writeOrigin(writer, message.range.from);
  writeOrigin(writer, message.range.to);
  writer.bytes(message.root);
  writeVector(writer, message.vector);
  writePartials(writer, message.partials);
  writeMembers(writer, message.members);
}

function readPullRequest(reader: ByteReader): PullRequest {
  const message: PullRequest = {
    type: 'pull-request',
    requestId: reader.u32(),
    budget: reader.u32(),
    range: { from: readOrigin(reader), to: readOrigin(reader) },
    root: reader.bytes(rootBytes),
    vector: readVector(reader),
    partials: readPartials(reader),
    members: readMembers(reader),
  };
  requireInside(message);
  return message;
}

/** The vector is sorted, so that its ends stand for all of it. */
function requireInside({ range, vector }: PullRequest): void {
  const first = vector[0]?.origin ?? range.from;
  const last = vector.at(-1)?.origin ?? range.to;
  if (range.from > range.to || first < range.from || last > range.to) {
    throw new DecodeError(`Expected origins from ${range.from} to ${range.to}, found ${first} to ${last}.`);
  }
}

/**
 * Pull response: requestId u32, index u16, count u16, more u8 (0 or 1), vector, pieces, members. `index` is below
 * `count`, and only datagram 0 has a vector.
 */
function writePullResponse(message: PullResponse): void {
  requirePlace(message);
  writer.u8(pullResponseType);
  writer.u32(message.requestId);
  writer.u16(message.index);
  writer.u16(message.count);
  writer.u8(message.more ? 1 : 0);
  writeVector(writer, message.vector);
  writePieces(writer, message.pieces);
  writeMembers(writer, message.members);
}

function readPullResponse(reader: ByteReader): PullResponse {
  const message: PullResponse = {
    type: 'pull-response',
    requestId: reader.u32(),
    index: reader.u16(),
    count: reader.u16(),
    more: readMore(reader),
    vector: readVector(reader),
    pieces: readPieces(reader),
    members: readMembers(reader),
  };
  requirePlace(message);
  return message;
}

function requirePlace({ index, count, vector }: PullResponse): void {
  if (index >= count) throw new DecodeError(`Expected an index below the count ${count}, found ${index}.`);
  if (index > 0 && vector.length > 0) {
    throw new DecodeError(`Expected a vector in datagram 0 only, found ${vector.length} origins in datagram ${index}.`);
  }
}

function readMore(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new DecodeError(`Expected "more" to be 0 or 1, found ${flag}.`);
  return flag === 1;
}

/** Nudge: a vector. */
function writeNudge(message: Nudge): void {
  writer.u8(nudgeType);
  writeVector(writer, message.heads);
}

function readNudge(reader: ByteReader): Nudge {
  return { type: 'nudge', heads: readVector(reader) };
}

/** Members request: requestId u32, from 16, sums. */
function writeMembersRequest(message: MembersRequest): void {
  writer.u8(membersRequestType);
  writer.u32(message.requestId);
  writeOrigin(writer, message.from);
  writeSums(writer, message.sums);
}

function readMembersRequest(reader: ByteReader): MembersRequest {
  return { type: 'members-request', requestId: reader.u32(), from: readOrigin(reader), sums: readSums(reader) };
}

/** Members response: requestId u32, next 16 (the lowest origin: nothing is left), members. */
function writeMembersResponse({ requestId, next, members }: MembersResponse): void {
  if (next === everyOrigin.from) throw new DecodeError('Expected more members to begin above the lowest origin.');
  writer.u8(membersResponseType);
  writer.u32(requestId);
  writeOrigin(writer, next ?? everyOrigin.from);
  writeMembers(writer, members);
}

function readMembersResponse(reader: ByteReader): MembersResponse {
  const requestId = reader.u32();
  const next = readOrigin(reader);
  return {
    type: 'members-response',
    requestId,
    next: next === everyOrigin.from ? undefined : next,
    members: readMembers(reader),
  };
}
