/** Bounds of everything in a datagram, each with its reason, and the sizes that a sender needs to fill one exactly. */
import type { MemberDigest, PartialSegment, Piece } from './messages.ts';

/** What IPv4 and UDP headers leave of 65,535 bytes. */
export const maxDatagramBytes = 65_507;

/** RFC 791 obliges every host to take 576 bytes: no path is so narrow that nodes would need less. */
export const minDatagramBytes = 576;

/** Sealed header (33 bytes) and authentication tag (16 bytes); see `seal.ts`. */
export const sealedOverheadBytes = 49;

/** One entry at its own limits (1 MiB of body, 36 KiB of everything else) and a signed head, rounded up to 64 KiB. */
export const maxSegmentBytes = 1024 * 1024 + 64 * 1024;

/** Below what the smallest datagram carries (480): smaller fragments would only make bitmaps and reassembly dearer. */
export const minFragmentBytes = 448;

/** Fragments of the largest segment at the smallest size: 2,487, so that a bitmap of them stays below 312 bytes. */
export const maxFragments = Math.ceil(maxSegmentBytes / minFragmentBytes);

export const maxBitmapBytes = Math.ceil(maxFragments / 8);

/** Segments on their way in fragments that a request speaks of: four bitmaps still fit a common datagram. */
export const maxPartials = 4;

/** Segments and fragments in one datagram: a signed head alone takes over 150 bytes, so that no more than 436 can fit. */
export const maxPieces = 512;

/** Members in one datagram: what its one-byte count can say. Larger clusters send a rotating part. */
export const maxMembers = 255;

/** As the configuration allows; the alphabet is `[a-z0-9-]`. */
export const maxNameLength = 63;

/** RFC 1035, section 2.3.4: the longest name that DNS knows. */
export const maxHostLength = 253;

/** Origin (16) and size (6). A vector has as many as fit its datagram: 2,976 in the largest. */
export const originSizeBytes = 22;

/** Everything of a request but its vector, partials and members. */
export const pullRequestBytes = 78;

/** Everything of one datagram of an answer but its vector, pieces and members. */
export const pullResponseBytes = 16;

/** Everything of a nudge but its heads. */
export const nudgeBytes = 4;

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

export function pieceBytes(piece: Piece): number {
  return (piece.kind === 'segment' ? segmentPieceBytes : fragmentPieceBytes) + piece.bytes.length;
}

export function partialBytes(partial: PartialSegment): number {
  return 26 + partial.have.length;
}

/** Names and hosts are ASCII, so that their length in characters is their length in bytes. */
export function memberBytes(member: MemberDigest): number {
  return 34 + member.name.length + member.udp.host.length + member.http.host.length;
}
