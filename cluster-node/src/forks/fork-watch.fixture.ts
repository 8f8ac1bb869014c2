import { systemClock } from '@grapevine/shared/clock.ts';
import type { Fork, Member } from '@grapevine/shared/contracts/node-api.ts';
import { nodeRoot } from '@grapevine/shared/log/node-root.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { peaks } from '@grapevine/shared/merkle/geometry.ts';
import { consistencyProof } from '@grapevine/shared/merkle/tree-reader.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import type { NodeService } from '../node-service.ts';
import type { DataDamage } from '../store/damage.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { LogStore } from '../store/log-store.ts';
import { ForkWatch, type PeerHistory } from './fork-watch.ts';
import { headToJson } from './signed-head.ts';

/** Watches nothing until it is started, which it must not be. */
export function idleForkWatch(store: LogStore): ForkWatch {
  return createForkWatch(store, { members: () => [] }, () => {
    throw new Error('There are no peers.');
  });
}

export interface WatchedNode {
  readonly members: () => readonly Member[];
  readonly onFork?: (fork: Fork) => void;
  readonly onDamage?: (damage: DataDamage) => void;
}

/** Watches a store on behalf of `node-1`. */
export function createForkWatch(
  store: LogStore,
  { members, onFork = () => undefined, onDamage = () => undefined }: WatchedNode,
  historyOf: (peer: Member) => PeerHistory,
): ForkWatch {
  const head: NodeService['head'] = (origin) => store.heads().find((one) => one.origin === origin);
  const root = { node: 'node-1', origin: '0'.repeat(32), messages: 0, origins: 0, token: '' };
  const service = {
    name: 'node-1',
    log: store,
    head,
    members,
    root: () => ({ ...root, root: rootOf(store) }),
    suspect: onDamage,
  };
  return new ForkWatch({
    service: () => service,
    store,
    checks: { hash: fastTreeHash, verifier: nodeHeadVerifier },
    historyOf,
    intervalMs: 100,
    random: new SeededRandom(1),
    clock: systemClock,
    log: createLogger({ name: 'test', level: 'silent' }),
    onFork,
  });
}

/** What a node says that has this store; it proves nothing by itself. */
export function historyOf(store: LogStore): PeerHistory {
  return {
    root: async () => rootOf(store),
    heads: async () => ({ heads: store.heads().map(headToJson) }),
    treeOf: (origin) => {
      const tree = store.tree(origin);
      return {
        peaks: async (size) => peaks(size).map(({ level, index }) => tree.node(level, index)),
        below: async ({ level, index }, depth) => {
          const nodes = Array.from({ length: 2 ** depth }, (_, i) => tree.node(level - depth, index * 2 ** depth + i));
          return new Uint8Array(Buffer.concat(nodes));
        },
        consistency: async (from, to) => consistencyProof(tree, fastTreeHash, from, to),
      };
    },
  };
}

function rootOf(store: LogStore): string {
  return nodeRoot(fastTreeHash, store.heads()).toHex();
}
