import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { ProvenTree } from '../damage/proven-tree.ts';
import type { NodeService } from '../node-service.ts';

/** The log of `origin`, which must have `size` entries. Throws `NOT_FOUND` when it has not. */
export function requireLog(service: NodeService, treeHash: TreeHash, origin: string, size: number): ProvenTree {
  const head = service.head(origin);
  if (head !== undefined && size <= head.size) return new ProvenTree(service.log.tree(origin), head, treeHash);
  throw new GrapevineError(
    'NOT_FOUND',
    `Node ${service.name} holds ${head?.size ?? 0} entries of origin ${origin}; expected at least ${size}.`,
  );
}
