import type { ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { decodeSegment } from '@grapevine/cluster-node/wire/segment.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';
import type { SimNode } from '../sim-node.ts';
import { SafetyViolation } from './violation.ts';

/** A publish that some node acknowledged. */
interface Acknowledged {
  readonly origin: string;
  readonly placements: readonly { readonly id: string; readonly seq: number }[];
  readonly heldBy: number;
}

/**
 * Watches every effect of every node and knows the truth about all disks.
 *
 * - C1: what is acknowledged is flushed on at least `heldBy` disks, and no disk ever loses an entry.
 * - C2: nothing is invented: one place in an origin's log has one id, and the origin wrote it.
 * - C3: nobody advertises more than its disk holds.
 * - C4: nodes with equal roots hold equal logs.
 * - C5: at the end, every acknowledged message is on every disk, and all roots equal a rebuild from the raw entries.
 */
export class Checker {
  readonly #nodes: readonly SimNode[];
  /** `origin:seq` → id, as the origin itself committed it. */
  readonly #written = new Map<string, string>();
  readonly #acknowledged: Acknowledged[] = [];
  readonly #sizes: Map<string, number>[];

  constructor(nodes: readonly SimNode[]) {
    this.#nodes = nodes;
    this.#sizes = nodes.map(() => new Map());
  }

  get acknowledged(): number {
    return this.#acknowledged.reduce((sum, { placements }) => sum + placements.length, 0);
  }

  /** Looks at one effect before it is carried out. */
  observe(node: SimNode, effect: ReplicaEffect): void {
    if (effect.type === 'send') this.#checkAdvertised(node, effect.message);
    else if (effect.type === 'commit') this.#checkCommitted(node, effect.segments);
    else if (effect.type === 'settled') this.#checkSettled(node, effect);
    else if (effect.type === 'refused-segment') {
      throw new SafetyViolation('C6', `${node.name} refused a segment: ${effect.reason}`);
    }
  }

  /** Compares disks after something was flushed. */
  flushed(node: SimNode): void {
    const known = this.#sizes[node.index] ?? new Map();
    for (const { origin, size } of node.disk.heads()) {
      const before = known.get(origin) ?? 0;
      if (size < before)
        throw new SafetyViolation('C1', `${node.name} went back from ${before} to ${size} entries of ${origin}`);
      known.set(origin, size);
    }
  }

  /** The disk of `node` was put back to an earlier state, which is no fault of the node. */
  forgetDisk(node: SimNode): void {
    this.#sizes[node.index] = new Map(node.disk.heads().map(({ origin, size }) => [origin, size]));
  }

  /** Equal roots must mean equal logs, at any moment. */
  compareRoots(): void {
    const seen = new Map<string, string>();
    for (const node of this.#nodes) {
      const { replica } = node;
      if (replica === undefined) continue;
      const root = toHex(replica.flushed.root());
      const vector = [...replica.flushed.vector].sort().join();
      if ((seen.get(root) ?? vector) !== vector)
        throw new SafetyViolation('C4', `${node.name} and another have equal roots over different logs`);
      seen.set(root, vector);
    }
  }

  /** Whether every node runs, has nothing left to write, and all say the same. */
  converged(): boolean {
    if (this.#nodes.some(({ replica }) => replica?.idle !== true)) return false;
    const roots = new Set(this.#nodes.map(({ replica }) => replica && toHex(replica.flushed.root())));
    return roots.size === 1;
  }

  /** The last look, once all agree: everything acknowledged is everywhere, and the roots follow from the raw entries. */
  checkEnd(): void {
    for (const node of this.#nodes) {
      const ids = this.#rebuild(node);
      for (const { origin, placements } of this.#acknowledged) {
        for (const { id, seq } of placements) {
          if (ids.get(origin)?.[seq] !== id) throw new SafetyViolation('C5', `${node.name} lacks ${origin}:${seq}`);
        }
      }
    }
  }

  #checkAdvertised(node: SimNode, message: Extract<ReplicaEffect, { type: 'send' }>['message']): void {
    const sizes = message.type === 'nudge' ? message.heads : message.vector;
    for (const { origin, size } of sizes) {
      const held = this.#held(node, origin);
      if (size > held)
        throw new SafetyViolation('C3', `${node.name} advertised ${size} entries of ${origin}, holds ${held}`);
    }
  }

  #checkCommitted(node: SimNode, segments: Extract<ReplicaEffect, { type: 'commit' }>['segments']): void {
    for (const { segment, leafHashes } of segments) {
      const isOwn = segment.origin === node.signer.origin;
      segment.records.forEach((_, i) => {
        const place = `${segment.origin}:${segment.firstSeq + i}`;
        const id = toHex(leafHashes.subarray(i * 32, i * 32 + 32));
        // An origin may write a place again after a crash, but only if what stood there reached no disk.
        if (isOwn && !this.#anyoneHolds(segment.origin, segment.firstSeq + i)) this.#written.set(place, id);
        if (this.#written.get(place) !== id)
          throw new SafetyViolation('C2', `${node.name} committed a foreign ${place}`);
      });
    }
  }

  #checkSettled(node: SimNode, effect: Extract<ReplicaEffect, { type: 'settled' }>): void {
    const { origin } = node.signer;
    const size = (effect.placements.at(-1)?.seq ?? -1) + 1;
    const holders = this.#nodes.filter((other) => this.#held(other, origin) >= size).length;
    if (this.#held(node, origin) < size) throw new SafetyViolation('C1', `${node.name} acknowledged before the flush`);
    if (effect.heldBy > holders) {
      throw new SafetyViolation(
        'C1',
        `${node.name} said ${effect.heldBy} nodes hold ${origin}:${size - 1}, ${holders} do`,
      );
    }
    this.#acknowledged.push({ origin, placements: effect.placements, heldBy: effect.heldBy });
  }

  #anyoneHolds(origin: string, seq: number): boolean {
    return this.#nodes.some((node) => this.#held(node, origin) > seq);
  }

  #held(node: SimNode, origin: string): number {
    return this.#sizes[node.index]?.get(origin) ?? 0;
  }

  /** Reads a disk from its raw entries, checks each tree's root against its head, and answers the ids by origin. */
  #rebuild(node: SimNode): Map<string, string[]> {
    const ids = new Map<string, string[]>();
    for (const head of node.disk.heads()) {
      const frontier = new Frontier(fastTreeHash);
      const own: string[] = [];
      for (const bytes of node.disk.segments(head.origin)) {
        for (const record of decodeSegment(bytes).records) {
          const leaf = record.kind === 'entry' ? fastTreeHash.leaf(record.bytes) : record.leafHash;
          frontier.append(leaf);
          own.push(toHex(leaf));
        }
      }
      if (own.length !== head.size || toHex(frontier.root()) !== toHex(head.root)) {
        throw new SafetyViolation('C5', `${node.name}: the raw entries of ${head.origin} do not give its root`);
      }
      ids.set(head.origin, own);
    }
    return ids;
  }
}
