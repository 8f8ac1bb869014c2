import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';
import { peaks } from '@grapevine/shared/merkle/geometry.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import { DataDamage, unlessDamaged } from '../store/damage.ts';
import { sizeOf } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { seqKey, seqOfKey, seqsFrom } from '../store/keys.ts';
import type { NodeRun } from '../store/log-store.ts';
import { readQuarantined, type Stretch } from '../store/quarantine.ts';
import { treeOf } from '../store/stored-log.ts';
import { type FoundSegment, type LogChecks, readSegment } from './read-segment.ts';

/** What is wrong with a log. */
export type Finding =
  /** The segment that its origin wrote there is missing, or other bytes are in its place. */
  | ({ readonly kind: 'segment'; readonly reason: string; readonly bytes: Uint8Array | undefined } & Stretch)
  /** Nodes of the tree that are not what the entries give; `nodes` are the right ones. */
  | { readonly kind: 'tree'; readonly origin: string; readonly nodes: readonly NodeRun[] };

/** One look at one segment, or at the gap where one should be. */
export interface Look {
  readonly findings: readonly Finding[];
  /** Of what was read and hashed. */
  readonly bytes: number;
  /** The segment, when it is sound. */
  readonly sound: FoundSegment | undefined;
  /** Nothing wrong was found, but neither could it be told that all is right: something before this place is damaged. */
  readonly isUnsure: boolean;
}

/** Leaves in a gap that are read from the tree one by one; beyond it, the tree's own upper nodes have to do. */
const maxLeavesRead = 4096;

/**
 * Looks at one origin's log segment by segment. The tree over the entries is computed anew, and a segment is sound when that
 * has the root that the origin signed. So a wrong entry is told from a wrong tree: whichever leads to a signed root is right.
 */
export class OriginScrub {
  readonly origin: string;
  readonly #data: KeyValueReader;
  readonly #checks: LogChecks;
  /** Trees up to the next entry. Several where a gap had to be bridged: the next signed root tells which one is right. */
  #tips: readonly Frontier[];
  /** Whether the only tip is known to be right. */
  #isSure: boolean;
  #next: number;
  readonly #end: number | undefined;

  /**
   * Starts with the segment at `from`; from anywhere but 0, what is before is taken on trust. Ends at the size that the head
   * on record has at the moment, or at `end`.
   */
  constructor(data: KeyValueReader, origin: string, checks: LogChecks, from = 0, end?: number) {
    this.#data = data;
    this.origin = origin;
    this.#checks = checks;
    this.#end = end;
    this.#next = from;
    this.#isSure = from === 0;
    this.#tips = this.#isSure ? [new Frontier(checks.hash)] : this.#tipsInTree(from);
  }

  /** The entry that the next look starts at. */
  get next(): number {
    return this.#next;
  }

  /** Looks at the next segment; undefined at the end of the log. */
  look(): Look | undefined {
    const size = this.#size();
    if (this.#next >= size) return undefined;
    const firstSeq = this.#next;
    const known = readQuarantined(this.#data, this.origin, firstSeq);
    const [pair] = this.#data.range('segments', seqsFrom(this.origin, firstSeq));
    const found = pair === undefined ? size : seqOfKey(pair[0]);
    if (pair !== undefined && found === firstSeq) return this.#check(firstSeq, pair[1]);
    this.#bridge(found);
    if (known !== undefined && known.mendedMs === undefined) return nothingNew;
    return this.#bad(firstSeq, found, undefined, 'It is missing.');
  }

  #size(): number {
    return this.#end ?? sizeOf(this.#data, this.origin);
  }

  #check(firstSeq: number, bytes: Uint8Array): Look {
    let found: FoundSegment;
    try {
      found = readSegment(this.origin, firstSeq, bytes, this.#checks.hash);
      if (!this.#checks.verifier.verify(found.segment.head))
        return this.#refuse(firstSeq, bytes, 'Its signature is not valid.');
    } catch (error) {
      if (error instanceof DataDamage) return this.#refuse(firstSeq, bytes, error.message);
      throw error;
    }
    const { head } = found.segment;
    for (const tip of this.#tips) {
      const { tree, nodes } = grown(tip, found.leafHashes);
      if (!equalBytes(tree.root(), head.root)) continue;
      this.#tips = [tree];
      this.#isSure = true;
      this.#next = head.size;
      const findings = [...this.#compare(nodes), ...this.#strays(firstSeq, head.size)];
      return { findings, bytes: bytes.length, sound: found, isUnsure: false };
    }
    if (this.#isSure || this.#treeGives(head)) {
      return this.#refuse(firstSeq, bytes, 'Its entries do not give the root that its head names.');
    }
    this.#tips = [
      ...this.#tips.slice(0, 1).map((tip) => grown(tip, found.leafHashes).tree),
      ...this.#tipsInTree(head.size),
    ];
    this.#next = head.size;
    return { findings: [], bytes: bytes.length, sound: undefined, isUnsure: true };
  }

  /** What lies where the sound segment from `firstSeq` to `end` has its entries: somebody's damaged key. Nothing is missing there. */
  #strays(firstSeq: number, end: number): Finding[] {
    const { origin } = this;
    const inside = this.#data.range('segments', { from: seqKey(origin, firstSeq + 1), to: seqKey(origin, end) });
    return Array.from(inside, ([key, bytes]) => {
      const at = seqOfKey(key);
      return { kind: 'segment', origin, firstSeq: at, endSeq: at, bytes, reason: 'Another segment covers it.' };
    });
  }

  /** Whether the leaves in the tree, unlike those of the segment, lead to what its head says. */
  #treeGives({ size, root }: SignedHead): boolean {
    const kept = this.#leavesInTree(this.#next, size);
    return kept !== undefined && this.#tips.some((tip) => equalBytes(grown(tip, kept).tree.root(), root));
  }

  #refuse(firstSeq: number, bytes: Uint8Array, reason: string): Look {
    const [following] = this.#data.range('segments', seqsFrom(this.origin, firstSeq + 1));
    const end = following === undefined ? this.#size() : seqOfKey(following[0]);
    this.#bridge(end);
    return this.#bad(firstSeq, end, bytes, reason);
  }

  #bad(firstSeq: number, endSeq: number, bytes: Uint8Array | undefined, reason: string): Look {
    const finding = { kind: 'segment', origin: this.origin, firstSeq, endSeq, bytes, reason } as const;
    return { findings: [finding], bytes: bytes?.length ?? 0, sound: undefined, isUnsure: false };
  }

  /** Goes on at `end`, with what the tree says of the entries in between. */
  #bridge(end: number): void {
    const kept = this.#leavesInTree(this.#next, end);
    const bridged = kept === undefined ? [] : this.#tips.slice(0, 1).map((tip) => grown(tip, kept).tree);
    this.#tips = [...bridged, ...this.#tipsInTree(end)];
    this.#isSure = false;
    this.#next = end;
  }

  #leavesInTree(from: number, end: number): Uint8Array | undefined {
    if (end - from > maxLeavesRead) return undefined;
    const tree = treeOf(this.#data, this.origin);
    return unlessDamaged(() => {
      const leaves = new Uint8Array((end - from) * hashLength);
      for (let seq = from; seq < end; seq++) leaves.set(tree.node(0, seq), (seq - from) * hashLength);
      return leaves;
    });
  }

  #tipsInTree(size: number): Frontier[] {
    const tree = treeOf(this.#data, this.origin);
    const hashes = unlessDamaged(() => peaks(size).map(({ level, index }) => tree.node(level, index)));
    return hashes === undefined ? [] : [Frontier.fromPeaks(this.#checks.hash, size, hashes)];
  }

  /** The nodes that the tree does not have like this. */
  #compare(nodes: readonly NodeRun[]): Finding[] {
    const tree = treeOf(this.#data, this.origin);
    const wrong = nodes.flatMap((run) => differing(tree, run));
    return wrong.length === 0 ? [] : [{ kind: 'tree', origin: this.origin, nodes: wrong }];
  }
}

const nothingNew: Look = { findings: [], bytes: 0, sound: undefined, isUnsure: false };

function grown(tip: Frontier, leafHashes: Uint8Array): { tree: Frontier; nodes: NodeRun[] } {
  const tree = tip.clone();
  const nodes: NodeRun[] = [];
  tree.append(leafHashes, (level, first, hashes) => nodes.push({ level, first, hashes }));
  return { tree, nodes };
}

function differing(tree: NodeReader, { level, first, hashes }: NodeRun): NodeRun[] {
  const wrong: NodeRun[] = [];
  for (let i = 0; i < hashes.length / hashLength; i++) {
    const expected = hashes.subarray(i * hashLength, (i + 1) * hashLength);
    const kept = unlessDamaged(() => tree.node(level, first + i));
    if (kept === undefined || !equalBytes(kept, expected)) wrong.push({ level, first: first + i, hashes: expected });
  }
  return wrong;
}
