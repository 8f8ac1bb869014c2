import type { Caller } from '@grapevine/shared/cluster-client/caller.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import type { FigureRing } from './history/figures.ts';
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
  /** A consistency token that all reads of the request have to cover, unless they name their own. */
  readonly consistency: string | undefined;
  /** Told the tokens that cover what was written or read. */
  readonly reportToken: (token: string) => void;
  /** Ends the connection of a subscriber who takes nothing. */
  readonly cut: () => void;
}

/** Where a page came from: the state of its topic, and a token that covers it. */
export interface PageSource {
  readonly topic: string;
  readonly digest: string;
  readonly token: string;
}

/** Where data comes from, for every request alike. */
export interface GraphSources {
  readonly cluster: ClusterClient;
  /** What happened of late. */
  readonly figures: FigureRing;
}

/** What resolvers work with; made afresh for each operation. */
export interface GraphContext {
  /** The verified principal; its `signal` is aborted when the client goes away. */
  readonly caller: Caller;
  readonly cluster: ClusterClient;
  readonly figures: FigureRing;
  readonly loaders: Loaders;
  /** Told what the operation costs, before it is executed. */
  readonly reportCost: (cost: number) => void;
  readonly consistency: string | undefined;
  readonly reportToken: (token: string) => void;
  /** Told of every page that was read. */
  readonly reportPage: (source: PageSource) => void;
}

export function contextOf(
  verified: VerifiedRequest,
  { cluster, figures }: GraphSources,
  onPage?: (source: PageSource) => void,
): GraphContext {
  const { identity, requestId, deadlineMs, signal, consistency, reportCost, reportToken } = verified;
  const caller: Caller = { identity, requestId, deadlineMs, signal };
  const reportPage = (source: PageSource): void => {
    reportToken(source.token);
    onPage?.(source);
  };
  return {
    caller,
    cluster,
    figures,
    loaders: createLoaders(cluster, caller, consistency),
    consistency,
    reportCost,
    reportToken,
    reportPage,
  };
}
