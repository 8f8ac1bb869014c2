import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import {
  fragmentPieceBytes,
  maxBitmapBytes,
  maxDatagramBytes,
  maxMemberSums,
  maxPartials,
  maxPayload,
  maxPieces,
  maxSegmentBytes,
  memberBytes,
  membersResponseBytes,
  minFragmentBytes,
  nudgeBytes,
  originSizeBytes,
  partialBytes,
  pullRequestBytes,
  pullResponseBytes,
  segmentPieceBytes,
} from './limits.ts';
import {
  everyOrigin,
  type FragmentPiece,
  type MemberDigest,
  type MembersRequest,
  type MembersResponse,
  type NodeMessage,
  type Nudge,
  type PartialSegment,
  type PullRequest,
  type PullResponse,
} from './messages.ts';

const a = '0a'.repeat(16);
const b = '0b'.repeat(16);
const c = '0c'.repeat(16);
const member: MemberDigest = {
  name: 'node-1',
  origin: a,
  bootEpoch: 2 ** 48 - 1,
  incarnation: 7,
  heartbeat: 2 ** 48 - 1,
  state: 'suspect',
  versions: { lowest: 1, highest: 255 },
  udp: { host: '127.0.0.1', port: 7201 },
  http: { host: 'node-1.example', port: 7101 },
  tls: false,
  catchingUp: false,
};
const partial: PartialSegment = { origin: b, firstSeq: 4, fragmentBytes: 1_000, have: Uint8Array.of(0, 0x80) };
const fragment: FragmentPiece = {
  kind: 'fragment',
  origin: c,
  firstSeq: 9,
  segmentBytes: 2_500,
  fragmentBytes: 1_000,
  offset: 2_000,
  bytes: new Uint8Array(500).fill(3),
};
const request: PullRequest = {
  type: 'pull-request',
  requestId: 0xffff_ffff,
  budget: 1,
  range: everyOrigin,
  vector: [
    { origin: a, size: 0 },
    { origin: b, size: 2 ** 48 - 1 },
  ],
  root: new Uint8Array(32).fill(9),
  partials: [partial],
  members: [member, { ...member, name: 'node-2', state: 'left' }],
};
const response: PullResponse = {
  type: 'pull-response',
  requestId: 5,
  index: 0,
  count: 2,
  more: true,
  vector: [{ origin: c, size: 3 }],
  pieces: [{ kind: 'segment', bytes: Uint8Array.of(1, 2, 3) }, fragment],
  members: [member],
};
const nudge: Nudge = { type: 'nudge', heads: request.vector };
const emptyRequest: PullRequest = { ...request, vector: [], partials: [], members: [] };
const emptyResponse: PullResponse = { ...response, vector: [], pieces: [], members: [] };

const membersRequest: MembersRequest = { type: 'members-request', requestId: 5, from: b, sums: [1, 2 ** 32 - 1] };
const membersResponse: MembersResponse = { type: 'members-response', requestId: 5, next: c, members: [member] };
const lastMembers: MembersResponse = { ...membersResponse, next: undefined };

const messages = {
  request,
  response,
  nudge,
  'empty request': emptyRequest,
  'empty response': emptyResponse,
  'members request': membersRequest,
  'members response': membersResponse,
  'last members response': lastMembers,
};
for (const [name, message] of Object.entries<NodeMessage>(messages)) {
  test(`the ${name} comes back as it was, and its bytes too`, () => {
    const bytes = encodeMessage(message);
    assert.deepEqual(decodeMessage(bytes), message);
    assert.deepEqual(encodeMessage(decodeMessage(bytes)), bytes);
  });

  test(`no part of the ${name} is a message, nor one with a byte more`, () => {
    const bytes = encodeMessage(message);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeMessage(bytes.subarray(0, length)), DecodeError);
    }
    assert.throws(() => decodeMessage(Uint8Array.of(...bytes, 0)), DecodeError);
  });
}

test('the sizes that senders reckon with are those of the encoding', () => {
  const sizeOf = (message: NodeMessage): number => encodeMessage(message).length;
  assert.equal(sizeOf(emptyRequest), pullRequestBytes);
  assert.equal(sizeOf({ ...emptyRequest, vector: request.vector }), pullRequestBytes + 2 * originSizeBytes);
  assert.equal(sizeOf({ ...emptyRequest, partials: [partial] }), pullRequestBytes + partialBytes(partial));
  assert.equal(sizeOf({ ...emptyRequest, members: [member] }), pullRequestBytes + memberBytes(member));
  assert.equal(sizeOf(emptyResponse), pullResponseBytes);
  const [segment] = response.pieces;
  assert.ok(segment !== undefined);
  assert.equal(sizeOf({ ...emptyResponse, pieces: [segment] }), pullResponseBytes + segmentPieceBytes + 3);
  assert.equal(sizeOf({ ...emptyResponse, pieces: [fragment] }), pullResponseBytes + fragmentPieceBytes + 500);
  assert.equal(sizeOf({ type: 'nudge', heads: [] }), nudgeBytes);
  assert.equal(sizeOf(membersResponse), membersResponseBytes + memberBytes(member));
  const mostSums = sizeOf({ ...membersRequest, sums: new Array<number>(maxMemberSums).fill(0) });
  assert.ok(mostSums <= maxPayload(576), `${mostSums} bytes fit the smallest datagrams`);
});

test('the largest segment in the smallest fragments fits the bounds', () => {
  const last = Math.ceil(maxSegmentBytes / minFragmentBytes) - 1;
  const offset = last * minFragmentBytes;
  const piece: FragmentPiece = {
    ...fragment,
    segmentBytes: maxSegmentBytes,
    fragmentBytes: minFragmentBytes,
    offset,
    bytes: new Uint8Array(maxSegmentBytes - offset),
  };
  const message: PullResponse = { ...emptyResponse, pieces: [piece] };
  assert.deepEqual(decodeMessage(encodeMessage(message)), message);
  assert.equal(Math.ceil((last + 1) / 8), maxBitmapBytes);
});

test('the largest datagram can be filled to the last byte and not beyond', () => {
  const room = maxPayload(maxDatagramBytes) - pullResponseBytes - segmentPieceBytes;
  const full: PullResponse = { ...emptyResponse, pieces: [{ kind: 'segment', bytes: new Uint8Array(room) }] };
  assert.equal(encodeMessage(full).length, maxPayload(maxDatagramBytes));
  const over: PullResponse = { ...emptyResponse, pieces: [{ kind: 'segment', bytes: new Uint8Array(room + 1) }] };
  assert.throws(() => encodeMessage(over), RangeError);
});

const broken: Record<string, NodeMessage> = {
  'origins out of order': { ...nudge, heads: nudge.heads.toReversed() },
  'an origin twice': { ...nudge, heads: [...nudge.heads, ...nudge.heads.slice(1)] },
  'an origin that is too short': { ...nudge, heads: [{ origin: 'aa', size: 1 }] },
  'an origin in capitals': { ...nudge, heads: [{ origin: 'AA'.repeat(16), size: 1 }] },
  'a size over 48 bits': { ...nudge, heads: [{ origin: a, size: 2 ** 48 }] },
  'a range upside down': { ...emptyRequest, range: { from: b, to: a } },
  'an origin below the range': { ...request, range: { from: b, to: c } },
  'an origin above the range': { ...request, range: { from: everyOrigin.from, to: a } },
  'a short root': { ...request, root: new Uint8Array(31) },
  'partials out of order': { ...request, partials: [partial, { ...partial, origin: a }] },
  'too many partials': {
    ...request,
    partials: Array.from({ length: maxPartials + 1 }, (_, i) => ({ ...partial, origin: `0${i}`.repeat(16) })),
  },
  'an empty bitmap': { ...request, partials: [{ ...partial, have: new Uint8Array(0) }] },
  'a bitmap that ends with a zero': { ...request, partials: [{ ...partial, have: Uint8Array.of(1, 0) }] },
  'a bitmap that is too long': {
    ...request,
    partials: [{ ...partial, have: new Uint8Array(maxBitmapBytes + 1).fill(1) }],
  },
  'a partial with fragments that are too small': { ...request, partials: [{ ...partial, fragmentBytes: 447 }] },
  'members out of order': { ...request, members: request.members.toReversed() },
  'a member twice': { ...request, members: [member, member] },
  'a name with capitals': { ...request, members: [{ ...member, name: 'Node' }] },
  'a name that is too long': { ...request, members: [{ ...member, name: 'n'.repeat(64) }] },
  'a host with a slash': { ...request, members: [{ ...member, udp: { host: 'a/b', port: 1 } }] },
  'a port of zero': { ...request, members: [{ ...member, http: { host: 'h', port: 0 } }] },
  'an index that is not below the count': { ...emptyResponse, index: 2, count: 2 },
  'an answer of no datagrams': { ...emptyResponse, count: 0 },
  'a vector in a later datagram': { ...response, index: 1 },
  'an empty segment': { ...response, pieces: [{ kind: 'segment', bytes: new Uint8Array(0) }] },
  'too many pieces': {
    ...response,
    pieces: Array.from({ length: maxPieces + 1 }, () => ({ kind: 'segment', bytes: Uint8Array.of(1) }) as const),
  },
  'a fragment longer than its cut': { ...response, pieces: [{ ...fragment, bytes: new Uint8Array(501) }] },
  'a fragment shorter than its cut': { ...response, pieces: [{ ...fragment, bytes: new Uint8Array(499) }] },
  'a fragment behind the end': { ...response, pieces: [{ ...fragment, offset: 3_000 }] },
  'a fragment between two cuts': { ...response, pieces: [{ ...fragment, offset: 1_999 }] },
  'a fragment that is the whole segment': {
    ...response,
    pieces: [{ ...fragment, segmentBytes: 500, offset: 0 }],
  },
  'no sums': { ...membersRequest, sums: [] },
  'three sums': { ...membersRequest, sums: [1, 2, 3] },
  'too many sums': { ...membersRequest, sums: new Array<number>(2 * maxMemberSums).fill(0) },
  'a sum over 32 bits': { ...membersRequest, sums: [2 ** 32] },
  'members that go on at the lowest origin': { ...membersResponse, next: everyOrigin.from },
  'a segment over the limit': { ...response, pieces: [{ ...fragment, segmentBytes: maxSegmentBytes + 1 }] },
};

for (const [name, message] of Object.entries(broken)) {
  test(`a sender cannot encode ${name}`, () => {
    assert.throws(
      () => encodeMessage(message),
      (error) => error instanceof DecodeError || error instanceof RangeError,
    );
  });
}

/** `message` as bytes, with the bytes at `at` replaced. */
function patched(message: NodeMessage, at: number, ...bytes: number[]): Uint8Array {
  const encoded = encodeMessage(message);
  encoded.set(bytes, at);
  return encoded;
}

const vectorAt = pullRequestBytes - 4;
const piecesAt = pullResponseBytes - 3;
const twoHeads = encodeMessage(nudge);
const onePartial: PullRequest = { ...emptyRequest, partials: [partial] };
const partialAt = vectorAt + 3;
const oneMember: PullRequest = { ...emptyRequest, members: [member] };
const memberAt = vectorAt + 4;
const oneFragment: PullResponse = { ...emptyResponse, pieces: [fragment] };
const fragmentAt = piecesAt + 2;

const hostile: Record<string, [expected: RegExp, bytes: Uint8Array]> = {
  'another version': [/version 1/, patched(nudge, 0, 2)],
  'an unknown type': [/type 1 to 5/, patched(nudge, 1, 6)],
  'too many sums': [/number of sums/, patched(membersRequest, 22, 7)],
  'more origins than there are bytes': [/number of origins/, patched(nudge, 2, 0xff, 0xff)],
  'origins out of order': [/ascending/, patched(nudge, nudgeBytes, 0xff)],
  'an origin twice': [
    /ascending/,
    patched(nudge, nudgeBytes + originSizeBytes, ...twoHeads.subarray(nudgeBytes, nudgeBytes + 16)),
  ],
  'a range upside down': [/origins from 01/, patched(emptyRequest, 10 + 16, ...new Uint8Array(16)).with(10, 1)],
  'an origin below the range': [/origins from 0b/, patched({ ...request, range: { from: a, to: c } }, 10, 0x0b)],
  'an origin above the range': [/origins from 0a/, patched({ ...request, range: { from: a, to: b } }, 10 + 16, 0x0a)],
  'too many partials': [/number of partials/, patched(emptyRequest, vectorAt + 2, maxPartials + 1)],
  'a partial with fragments that are too small': [/size of fragments/, patched(onePartial, partialAt + 22, 1, 0xbf)],
  'an empty bitmap': [/length of a bitmap/, patched(onePartial, partialAt + 24, 0, 0)],
  'a bitmap that is too long': [/length of a bitmap/, patched(onePartial, partialAt + 24, 0xff, 0xff)],
  'a bitmap that ends with a zero': [/zero bytes at its end/, patched(onePartial, partialAt + 27, 0)],
  'a name with a capital': [/member name/, patched(oneMember, memberAt + 1, 0x41)],
  'an empty name': [/member name/, patched(oneMember, memberAt, 0)],
  'a name that is not UTF-8': [/UTF-8/, patched(oneMember, memberAt + 1, 0xff)],
  'an unknown state': [/member state/, patched(oneMember, memberAt + 39, 4)],
  'a version of zero': [/lowest version/, patched(oneMember, memberAt + 40, 0)],
  'versions upside down': [/highest version/, patched(oneMember, memberAt + 40, 3, 2)],
  'a host with a slash': [/host/, patched(oneMember, memberAt + 43, 0x2f)],
  'a port of zero': [/port/, patched(oneMember, memberAt + 52, 0, 0)],
  'unknown flags of a member': [/flags of a member/, patched(oneMember, memberAt + memberBytes(member) - 1, 4)],
  'members out of order': [/ascending/, patched(request, encodeMessage(request).length - memberBytes(member), 6, 0x61)],
  'an index that is not below the count': [/index below/, patched(emptyResponse, 6, 0, 2)],
  'a flag that is neither 0 nor 1': [/0 or 1/, patched(emptyResponse, 10, 2)],
  'a vector in a later datagram': [/datagram 0 only/, patched(response, 6, 0, 1)],
  'too many pieces': [/number of pieces/, patched(emptyResponse, piecesAt, 2, 1)],
  'an unknown kind of piece': [/kind of piece/, patched(oneFragment, fragmentAt, 2)],
  'an empty segment': [
    /length of a segment/,
    patched({ ...emptyResponse, pieces: response.pieces.slice(0, 1) }, piecesAt + 3, 0, 0),
  ],
  'a segment over the limit': [/fragmented segment/, patched(oneFragment, fragmentAt + 23, 0xff)],
  'fragments that are too small': [/size of fragments/, patched(oneFragment, fragmentAt + 27, 0, 1)],
  'a fragment that is the whole segment': [/fragmented segment/, patched(oneFragment, fragmentAt + 27, 0x09, 0xc4)],
  'a fragment behind the end': [/index of a fragment/, patched(oneFragment, fragmentAt + 29, 0, 3)],
};

for (const [name, [expected, bytes]] of Object.entries(hostile)) {
  test(`a receiver refuses ${name}`, () => {
    assert.throws(
      () => decodeMessage(bytes),
      (error) => error instanceof DecodeError && expected.test(error.message),
    );
  });
}
