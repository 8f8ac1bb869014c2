import type { MemberState } from '../contracts/node-api.ts';

/** The worst of all: `forked` is damage, `unreachable` hides the truth, `behind` is lag that gossip repairs. */
export type ConsistencyVerdict = 'equal' | 'behind' | 'forked' | 'unreachable';
export type PairState = 'equal' | 'behind' | 'ahead' | 'diverged' | 'forked' | 'unreachable';

export interface NodeReport {
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly origin: string;
  /** As the cluster's failure detector sees the node. */
  readonly state: MemberState;
  /** Whether the node answered just now. */
  readonly reachable: boolean;
  /** The node's root, in hex; `null` when it did not answer. */
  readonly root: string | null;
  /** Messages over all origins; `null` when it did not answer. */
  readonly messages: number | null;
}

export interface PairReport {
  readonly a: string;
  readonly b: string;
  /** How `a` stands to `b`. */
  readonly state: PairState;
  /** Entries that one lacks of the other, both ways together; 0 when equal, forked or unreachable. */
  readonly by: number;
}

export interface ConsistencyReport {
  readonly verdict: ConsistencyVerdict;
  readonly nodes: readonly NodeReport[];
  /** Every pair once, in the order of `nodes`. */
  readonly pairs: readonly PairReport[];
}
