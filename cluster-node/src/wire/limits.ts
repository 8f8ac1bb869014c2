/** Bounds of everything in a datagram, each with its reason, and the sizes that a sender needs to fill one exactly. */
import { maxEntryBytes } from '@grapevine/shared/log/entry.ts';
import type { MemberDigest, PartialSegment } from './messages.ts';

/** What IPv4 and UDP headers leave of 65,535 bytes. */
export const maxDatagramBytes = 65_507;

/** Sealed header (33 bytes) and authentication tag (16 bytes); see `seal.ts`. */
export const sealedOverheadBytes = 49;

/** One entry at all its limits, about 1.04 MiB; the signed head and the lengths around it take less than 1 KiB. */
export const maxSegmentBytes = maxEntryBytes + 1_024;

/**
 * Below the 480 that a datagram of 576 bytes carries, the smallest that the configuration allows. Smaller fragments would
 * only make bitmaps and reassembly dearer.
 */
export const minFragmentBytes = 448;

/** One bit for each fragment of the largest segment at the smallest size: about 300 bytes. */
export const maxBitmapBytes = Math.ceil(Math.ceil(maxSegmentBytes / minFragmentBytes) / 8);

/** Segments on their way in fragments that a request speaks of: 524 bytes at the most where datagrams have 1,400. */
export const maxPartials = 4;

/** Segments and fragments in one datagram: a signed head alone takes over 150 bytes, so that no more than 436 can fit. */
export const maxPieces = 512;

/** Origin (16) and size (6). A vector has as many as fit its datagram: 2,976 in the largest. */
export const originSizeBytes = 22;

/** Everything of a request but its vector, partials and members. */
export const pullRequestBytes = 78;

/** Everything of one datagram of an answer but its vector, pieces and members. */
export const pullResponseBytes = 16;

/** Everything of a nudge but its heads. */
export const nudgeBytes = 4;

/** Everything of an answer about members but the members. */
export const membersResponseBytes = 23;

/** Records in one datagram: their number has one byte. */
export const maxMemberRecords = 255;

/** Sums in a request for members: 256 bytes, so that it fits the smallest datagrams. Then 4,096 members are 64 to a part. */
export const maxMemberSums = 64;

/** What a whole segment takes beside its own bytes. */
export const segmentPieceBytes = 3;

/** What a fragment takes beside its own bytes. */
export const fragmentPieceBytes = 31;

/** Bytes of plaintext that a datagram of `datagramBytes` carries. The same in insecure mode, which would leave more. */
export function maxPayload(datagramBytes: number): number {
  return datagramBytes - sealedOverheadBytes;
}

/** Bytes of a segment that fit a datagram with nothing else in it. */
export function fragmentBytesFor(datagramBytes: number): number {
  return maxPayload(datagramBytes) - pullResponseBytes - fragmentPieceBytes;
}

export function partialBytes(partial: PartialSegment): number {
  return 26 + partial.have.length;
}

/** Names and hosts are ASCII, so that their length in characters is their length in bytes. */
export function memberBytes(member: MemberDigest): number {
  return 43 + member.name.length + member.udp.host.length + member.http.host.length;
}
