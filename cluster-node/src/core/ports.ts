import type { HeadVerifier } from '@grapevine/shared/log/head.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { LogStore } from '../store/log-store.ts';

/** What the core reads of the log. It writes through `commit` effects only. */
export type LogReader = Pick<LogStore, 'heads' | 'segmentsFrom' | 'tree'>;

/** The key of this node's origin. */
export interface HeadSigner {
  readonly origin: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** A reading of both clocks, handed to the core with every event. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** What the core computes with; all of it deterministic but `random`, which a seed makes so. */
export interface CorePorts {
  readonly log: LogReader;
  readonly hash: TreeHash;
  readonly verifier: HeadVerifier;
  readonly signer: HeadSigner;
  readonly random: Random;
}
