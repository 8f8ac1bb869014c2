import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { HeadVerifier, SignedHead } from '@grapevine/shared/log/head.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';
import { peaks } from '@grapevine/shared/merkle/geometry.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { damaged } from '../store/damage.ts';
import type { CheckedSegment, NodeRun } from '../store/log-store.ts';
import { checkSegmentContent, type Segment } from '../wire/segment.ts';
import type { ErasureGuard } from './erasure-guard.ts';
import type { LogReader } from './ports.ts';

/** What became of a segment that arrived. */
export type Extension =
  | { readonly kind: 'extended'; readonly checked: CheckedSegment }
  /** Everything in it is here already. */
  | { readonly kind: 'known' }
  /** Something before it is missing. */
  | { readonly kind: 'early' }
  /** It may be what its origin wrote, but bodies are missing that others should have. */
  | { readonly kind: 'withheld' }
  /** It is not what its origin wrote after what we hold. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

export type RefusalReason = 'bad-signature' | 'bad-root' | 'bad-content' | 'overlap';

/**
 * The end of every origin's log: what is flushed and what is on its way to disk. A segment is taken only after its
 * signature, its sequence and its root have been checked against everything before it.
 */
export class LogTips {
  readonly #hash: TreeHash;
  readonly #verifier: HeadVerifier;
  readonly #log: LogReader;
  readonly #erasures: Pick<ErasureGuard, 'allows'>;
  readonly #tips = new Map<string, Frontier>();
  /** Origins whose logs are being replaced. */
  readonly #held = new Set<string>();

  constructor(hash: TreeHash, verifier: HeadVerifier, log: LogReader, erasures: Pick<ErasureGuard, 'allows'>) {
    this.#hash = hash;
    this.#verifier = verifier;
    this.#log = log;
    this.#erasures = erasures;
    for (const head of log.heads()) this.#tips.set(head.origin, this.#frontierOf(head));
  }

  /** Entries of `origin`, those on their way to disk included. */
  size(origin: string): number {
    return this.#tips.get(origin)?.size ?? 0;
  }

  /** Takes a segment up that came from `sender`, an origin. */
  extend(segment: Segment, sender: string): Extension {
    const size = this.size(segment.origin);
    if (segment.head.size <= size) return { kind: 'known' };
    // Of a log that is held nobody knows where it will end.
    if (segment.firstSeq > size || this.#held.has(segment.origin)) return { kind: 'early' };
    if (segment.firstSeq < size) return { kind: 'refused', reason: 'overlap' };
    const content = checkSegmentContent(segment);
    if (content === undefined) return { kind: 'refused', reason: 'bad-content' };
    const { frontier, leafHashes, nodes } = this.grow(
      segment.origin,
      segment.records.map((record) => this.#leafOf(record)),
    );
    if (!equalBytes(frontier.root(), segment.head.root)) return { kind: 'refused', reason: 'bad-root' };
    if (!this.#verifier.verify(segment.head)) return { kind: 'refused', reason: 'bad-signature' };
    if (!this.#erasures.allows(segment, sender)) return { kind: 'withheld' };
    this.advance(segment.origin, frontier);
    return { kind: 'extended', checked: { segment, entries: content, leafHashes, nodes } };
  }

  /** The tree of `origin` with more leaves; takes effect with `advance`. */
  grow(
    origin: string,
    leaves: readonly Uint8Array[],
  ): { frontier: Frontier; leafHashes: Uint8Array; nodes: NodeRun[] } {
    const frontier = this.#tips.get(origin)?.clone() ?? new Frontier(this.#hash);
    const leafHashes = new Uint8Array(leaves.length * 32);
    leaves.forEach((leaf, i) => {
      leafHashes.set(leaf, i * 32);
    });
    const nodes: NodeRun[] = [];
    frontier.append(leafHashes, (level, first, hashes) => nodes.push({ level, first, hashes: hashes.slice() }));
    return { frontier, leafHashes, nodes };
  }

  advance(origin: string, frontier: Frontier): void {
    this.#tips.set(origin, frontier);
  }

  /** Takes nothing of `origin` until `replace`. */
  hold(origin: string): void {
    this.#held.add(origin);
  }

  /** Goes on with the log of `origin` from this head, the flushed one; without one, from nothing. */
  replace(origin: string, head: SignedHead | undefined): void {
    this.#held.delete(origin);
    this.#tips.delete(origin);
    if (head !== undefined) this.#tips.set(origin, this.#frontierOf(head));
  }

  /** Goes back to what is flushed, after a commit failed: what was built on it is worthless. */
  rollBack(): void {
    this.#tips.clear();
    for (const head of this.#log.heads()) this.#tips.set(head.origin, this.#frontierOf(head));
  }

  #frontierOf(head: SignedHead): Frontier {
    const reader = this.#log.tree(head.origin);
    const hashes = peaks(head.size).map(({ level, index }) => reader.node(level, index));
    const frontier = Frontier.fromPeaks(this.#hash, head.size, hashes);
    if (equalBytes(frontier.root(), head.root)) return frontier;
    // Going on from here would sign a fork of the own log, and refuse what others rightly sent.
    throw damaged(`The stored tree of ${head.origin} does not lead to its head.`, { origin: head.origin });
  }

  #leafOf(record: Segment['records'][number]): Uint8Array {
    return record.kind === 'entry' ? this.#hash.leaf(record.bytes) : record.leafHash;
  }
}
