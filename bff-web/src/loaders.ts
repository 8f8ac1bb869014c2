import type { Caller } from '@grapevine/shared/cluster-client/caller.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import type { Message } from '@grapevine/shared/contracts/node-api.ts';
import type { MessageProof } from '@grapevine/shared/contracts/proof.ts';
import DataLoader from 'dataloader';

/** One request's loaders: whatever a document asks for several times is fetched once. What its consistency token covers is never said to be missing. */
export interface Loaders {
  /** Messages by id, in batches; `undefined` where nobody holds such a message. Throws `ERASED` for one that was erased. */
  readonly messages: DataLoader<string, Message | undefined>;
  /** Proofs by message id. Nodes give one at a time, so this only saves repetition. */
  readonly proofs: DataLoader<string, MessageProof | undefined>;
}

export function createLoaders(cluster: ClusterClient, caller: Caller, consistency: string | undefined): Loaders {
  return {
    messages: new DataLoader<string, Message | undefined>((ids) => cluster.messagesByIds(caller, ids, consistency), {
      maxBatchSize: limits.idsPerRead,
    }),
    proofs: new DataLoader((ids) =>
      Promise.all(ids.map((id) => cluster.proof(caller, id, consistency).catch(asError))),
    ),
  };
}

/** A loader takes an error in place of a value, so that one failure does not fail the other keys. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
