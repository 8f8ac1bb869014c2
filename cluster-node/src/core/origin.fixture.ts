import { HybridClock } from '@grapevine/shared/log/hlc.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { nodeHeadVerifier, signerFromKey } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { decodeSegment, encodeSegment, type Segment, type SegmentRecord } from '../wire/segment.ts';
import { LogTips } from './log-tips.ts';
import type { HeadSigner, LogReader } from './ports.ts';
import { type Draft, Writer } from './writer.ts';

/** A log without entries. */
export const emptyLog: LogReader = {
  heads: () => [],
  segmentsFrom: () => [],
  tree: () => ({
    node: () => {
      throw new Error('An empty log has no nodes.');
    },
  }),
};

export function tipsOver(log: LogReader = emptyLog, allowsErased = true): LogTips {
  return new LogTips(fastTreeHash, nodeHeadVerifier, log, {
    allows: ({ records }) => allowsErased || records.every(({ kind }) => kind === 'entry'),
  });
}

export function draft(bodyBytes = 10): Draft {
  return { topic: 'a', author: 'b', contentType: 'text/plain', headers: {}, body: new Uint8Array(bodyBytes) };
}

/** An origin that writes segments, for tests of those who receive them. */
export class TestOrigin {
  readonly signer: HeadSigner;
  readonly writer: Writer;
  readonly tips = tipsOver();
  #ticket = 0;

  constructor(seed: number, queueBytes = 64 * 1024 * 1024) {
    this.signer = signerFromKey(new SeededRandom(seed).bytes(32));
    this.writer = new Writer(this.signer, fastTreeHash, this.tips, new HybridClock(), queueBytes);
  }

  /** Segments with these drafts, published together. */
  write(...drafts: Draft[]): CheckedSegment[] {
    this.writer.offer({ ticket: this.#ticket++, drafts, acks: 1, deadlineMs: 0 });
    return this.writer.write(1_700_000_000_000, Number.POSITIVE_INFINITY).segments;
  }

  /** One segment with `count` small entries. */
  segment(count = 1): CheckedSegment {
    const [segment] = this.write(...Array.from({ length: count }, () => draft()));
    if (segment === undefined) throw new Error('The writer wrote nothing.');
    return segment;
  }
}

/** What retention leaves of a segment when all of it goes. */
export function withoutBodies({ segment, leafHashes }: CheckedSegment): Segment {
  const records = segment.records.map((_, i): SegmentRecord => {
    return { kind: 'erased', leafHash: leafHashes.slice(i * 32, (i + 1) * 32) };
  });
  return decodeSegment(encodeSegment({ ...segment, records }));
}

/** A log reader over segments of one origin, as a disk would give them. */
export function logOf(segments: readonly CheckedSegment[]): Pick<LogReader, 'segmentsFrom'> {
  return {
    segmentsFrom(origin, seq, maxBytes) {
      const found: Uint8Array[] = [];
      let bytes = 0;
      for (const { segment } of segments) {
        if (segment.origin !== origin || segment.head.size <= seq) continue;
        if (found.length > 0 && bytes + segment.bytes.length > maxBytes) break;
        found.push(segment.bytes);
        bytes += segment.bytes.length;
      }
      return found;
    },
  };
}
