import type { VersionRange } from './version.ts';

/** What nodes say to each other over UDP: five kinds of datagram. Data is only ever pulled (design: gossip). */
export type NodeMessage = PullRequest | PullResponse | Nudge | MembersRequest | MembersResponse;

/** Asks a peer for every segment that the requester lacks, and tells what it holds. */
export interface PullRequest {
  readonly type: 'pull-request';
  /** Chosen by the requester; the answer repeats it. u32. */
  readonly requestId: number;
  /** Bytes of segments that the requester can take now; 0 asks only for news. u32. */
  readonly budget: number;
  /**
   * The origins spoken of: an origin inside that `vector` does not name has size 0 there; outside, nothing is said. A
   * vector that fits one datagram has the range `everyOrigin`.
   */
  readonly range: OriginRange;
  /** Flushed entries per origin, sorted by origin, every one inside `range`. */
  readonly vector: readonly OriginSize[];
  /** Root over all heads of the requester, 32 bytes: equal roots end the exchange when the vector did not fit. */
  readonly root: Uint8Array;
  /** Fragments already here of the segment that starts at an origin's size, so that only missing ones are sent again. */
  readonly partials: readonly PartialSegment[];
  /** Sorted by name. */
  readonly members: readonly MemberDigest[];
}

/** Lower and upper bound, inclusive, 32 lower-case hexadecimal digits each. */
export interface OriginRange {
  readonly from: string;
  readonly to: string;
}

export const everyOrigin: OriginRange = { from: '0'.repeat(32), to: 'f'.repeat(32) };

export interface OriginSize {
  /** 32 lower-case hexadecimal digits. */
  readonly origin: string;
  /** Number of entries. u48. */
  readonly size: number;
}

export interface PartialSegment {
  readonly origin: string;
  /** u48. */
  readonly firstSeq: number;
  /** Payload bytes of every fragment but the last. u16. */
  readonly fragmentBytes: number;
  /** Bit i (from the highest of byte 0) says that fragment i is here. 1 to 256 bytes, the last one not zero. */
  readonly have: Uint8Array;
}

/** One datagram of the answer to a `PullRequest`. */
export interface PullResponse {
  readonly type: 'pull-response';
  readonly requestId: number;
  /** Position of this datagram in the answer, from 0, and how many there are, at least 1. u16. */
  readonly index: number;
  readonly count: number;
  /** The responder has more than the budget let it send. */
  readonly more: boolean;
  /** The responder's sizes where they differ from the request's vector, sorted by origin. Only in datagram 0. */
  readonly vector: readonly OriginSize[];
  readonly pieces: readonly Piece[];
  /** Sorted by name. */
  readonly members: readonly MemberDigest[];
}

/** A whole segment, or a part of one that does not fit a datagram. */
export type Piece = SegmentPiece | FragmentPiece;

export interface SegmentPiece {
  readonly kind: 'segment';
  readonly bytes: Uint8Array;
}

export interface FragmentPiece {
  readonly kind: 'fragment';
  readonly origin: string;
  readonly firstSeq: number;
  /** Length of the whole segment. u32. */
  readonly segmentBytes: number;
  /** Payload bytes of every fragment but the last. u16. */
  readonly fragmentBytes: number;
  /** Place of `bytes` in the segment: a multiple of `fragmentBytes`. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** "These origins are at these sizes with me": sent after a commit and after learning something new. */
export interface Nudge {
  readonly type: 'nudge';
  /** Sorted by origin. */
  readonly heads: readonly OriginSize[];
}

/** Asks for records of members that the requester may lack: compares its member list, part by part, with the peer's. */
export interface MembersRequest {
  readonly type: 'members-request';
  /** Chosen by the requester; the answer repeats it. u32. */
  readonly requestId: number;
  /** Origins before this one are not asked for. */
  readonly from: string;
  /**
   * One sum (`core/member-sums.ts`, u32) for each part of the list, by the first bits of the origin: 1, 2, 4 … 64 parts.
   * Equal sums mean that the parts name the same members.
   */
  readonly sums: readonly number[];
}

/** The answer to a `MembersRequest`: records from the parts that differ, as far as one datagram goes. */
export interface MembersResponse {
  readonly type: 'members-response';
  readonly requestId: number;
  /** Where the next request has to begin; undefined when nothing is left. Never the lowest origin that there could be. */
  readonly next: string | undefined;
  /** Sorted by name. */
  readonly members: readonly MemberDigest[];
}

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

export interface Address {
  /** IP address or host name, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface MemberDigest {
  readonly name: string;
  readonly origin: string;
  /** Of the member's last start, in milliseconds: later than at every start before. u48. */
  readonly bootEpoch: number;
  /** From 0 at each start; raised by the member itself, to refute a suspicion. u32. */
  readonly incarnation: number;
  /** Raised by the member itself in every interval. u48. */
  readonly heartbeat: number;
  readonly state: MemberState;
  /** Versions of the protocol that it speaks. */
  readonly versions: VersionRange;
  readonly udp: Address;
  readonly http: Address;
  /** Whether its HTTP API wants TLS. */
  readonly tls: boolean;
  /** Whether it is so far behind that it streams what it lacks: who wants to read does better elsewhere. */
  readonly catchingUp: boolean;
}
