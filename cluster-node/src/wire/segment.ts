import type { SignedHead } from '@grapevine/shared/log/head.ts';

/**
 * A run of consecutive entries of one origin, closed by a signed head. It travels and is stored as the bytes that the
 * origin made (`bytes`), so that no relay can change it; the other fields are what those bytes say.
 */
export interface Segment {
  /** 32 hexadecimal digits. */
  readonly origin: string;
  readonly firstSeq: number;
  /** `head.size` is `firstSeq` plus the number of records. */
  readonly head: SignedHead;
  readonly records: readonly SegmentRecord[];
  readonly bytes: Uint8Array;
}

/** An entry's canonical bytes, or what is left of it after retention: its leaf hash. */
export type SegmentRecord =
  | { readonly kind: 'entry'; readonly bytes: Uint8Array }
  | { readonly kind: 'erased'; readonly leafHash: Uint8Array };
