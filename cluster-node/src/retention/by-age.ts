import { hlcMs } from '@grapevine/shared/log/hlc.ts';
import { readHeads } from '../store/head-record.ts';
import { seqOfKey, seqsFrom } from '../store/keys.ts';
import { decodeStoredSegment, entryIn } from '../store/stored-log.ts';
import type { Segment } from '../wire/segment.ts';
import { readAgeCursor, writeAgeCursor } from './progress.ts';
import type { RetentionRules } from './rules.ts';
import type { Slice } from './slice.ts';

/**
 * Goes through the logs from where it stopped, up to what is not old enough yet, and erases what is too old by its topic's
 * rule. An origin's clock values ascend with its log, so each age passes each segment once. Answers whether there is more.
 */
export function eraseByAge(slice: Slice, rules: RetentionRules, nowMs: number): boolean {
  const heads = readHeads(slice.batch);
  for (const maxAgeSeconds of rules.agesSeconds) {
    for (const { head } of heads) {
      const start = readAgeCursor(slice.batch, maxAgeSeconds, head.origin);
      const next = passOver(slice, rules, { origin: head.origin, start, maxAgeSeconds, nowMs });
      if (next !== start) writeAgeCursor(slice.batch, maxAgeSeconds, head.origin, next);
      if (slice.isFull) return true;
    }
  }
  return false;
}

interface Stretch {
  readonly origin: string;
  readonly start: number;
  readonly maxAgeSeconds: number;
  readonly nowMs: number;
}

/** Answers where to go on the next time. */
function passOver(slice: Slice, rules: RetentionRules, { origin, start, maxAgeSeconds, nowMs }: Stretch): number {
  const cutoffMs = nowMs - maxAgeSeconds * 1_000;
  let next = start;
  for (const [key, bytes] of slice.batch.range('segments', seqsFrom(origin, start))) {
    if (slice.isFull) break;
    slice.spend(bytes.length);
    try {
      const segment = decodeStoredSegment(origin, seqOfKey(key), bytes);
      // A segment spans some ticks only: it goes when its last entry is old enough, so that it is rewritten once.
      if (hlcMs(segment.head.hlc) >= cutoffMs) break;
      const due = dueIn(segment, rules, maxAgeSeconds);
      if (due.length > 0) slice.erase(segment, due);
      next = segment.head.size;
    } catch (error) {
      slice.skip(error);
      next = seqOfKey(key) + 1;
    }
  }
  return next;
}

function dueIn(segment: Segment, rules: RetentionRules, maxAgeSeconds: number): number[] {
  const due: number[] = [];
  for (let seq = segment.firstSeq; seq < segment.head.size; seq++) {
    const entry = entryIn(segment, seq);
    if (entry !== undefined && rules.of(entry.topic)?.maxAgeSeconds === maxAgeSeconds) due.push(seq);
  }
  return due;
}
