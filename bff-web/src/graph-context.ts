import type { Caller } from '@grapevine/shared/cluster-client/caller.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import { createLoaders, type Loaders } from './loaders.ts';

/** What is known of a request before GraphQL sees it. */
export interface VerifiedRequest {
  readonly identity: Identity;
  readonly requestId: string | undefined;
  /** When the client will wait no longer, by the monotonic clock; undefined for what streams. */
  readonly deadlineMs: number | undefined;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Told what the operation costs before it is executed; not of one that is refused. */
  readonly reportCost: (cost: number) => void;
  /** Ends the connection of a subscriber who takes nothing. */
  readonly cut: () => void;
}

/** What resolvers work with; made afresh for each operation. */
export interface GraphContext {
  /** The verified principal; its `signal` is aborted when the client goes away. */
  readonly caller: Caller;
  readonly cluster: ClusterClient;
  readonly loaders: Loaders;
  /** Told what the operation costs, before it is executed. */
  readonly reportCost: (cost: number) => void;
}

export function contextOf(verified: VerifiedRequest, cluster: ClusterClient): GraphContext {
  const { identity, requestId, deadlineMs, signal, reportCost } = verified;
  const caller: Caller = { identity, requestId, deadlineMs, signal };
  return { caller, cluster, loaders: createLoaders(cluster, caller), reportCost };
}
