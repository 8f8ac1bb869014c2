import type { Caller } from '@grapevine/shared/cluster-client/caller.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { Loaders } from './loaders.ts';

/** What resolvers work with; made afresh for each request. */
export interface GraphContext {
  /** The verified principal; its `signal` is aborted when the client goes away. */
  readonly caller: Caller;
  readonly cluster: ClusterClient;
  readonly loaders: Loaders;
  /** Told what the operation costs, before it is executed. */
  readonly reportCost: (cost: number) => void;
}
