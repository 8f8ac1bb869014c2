import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { z } from 'zod';
import type { syncSchema } from './contract/responses.ts';
import type { ResourcePorts } from './resource.ts';

export type Delta = z.output<typeof syncSchema>;

/** Reads what is new after `since`; with `consistency` only from a node that holds what that covers. */
export type ReadDelta = (since: string | undefined, consistency: string | undefined) => Promise<Delta>;

/** While no node tells of changes, waiting syncs look for themselves this often, in milliseconds. */
const lookMs = 1_000;

/**
 * The first delta that brings something, or the last one when `waitMs` have passed, the client is gone or the service
 * stops. Its token is never behind `since`, whether it brings anything or not. Throws `NOT_YET` when no node holds what
 * `required` covers.
 */
export async function pollDelta(
  { changes, clock }: Pick<ResourcePorts, 'changes' | 'clock'>,
  { since, required, topics, waitMs, signal }: PollRequest,
  read: ReadDelta,
): Promise<Delta> {
  const deadlineMs = clock.monotonicMs() + waitMs;
  using watch = changes.watch(new Set(topics));
  let from = since;
  if (required !== undefined) {
    const delta = await read(since, required);
    if (delta.items.length > 0) return delta;
    from = delta.token;
  }
  for (;;) {
    const delta = await readCovered(read, from, changes.token);
    const leftMs = deadlineMs - clock.monotonicMs();
    if (delta.items.length > 0 || leftMs <= 0 || signal?.aborted === true || changes.stopped) return delta;
    if (!delta.more) await watch.changed(changes.live ? leftMs : Math.min(leftMs, lookMs), signal);
    from = delta.token;
  }
}

export interface PollRequest {
  readonly since: string | undefined;
  /** A consistency token of the client's. */
  readonly required: string | undefined;
  readonly topics: readonly string[];
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * A node that is behind the one that tells of changes would not show what has just woken us. If no other can be asked,
 * its answer is as good as any: what it lacks wakes us once more, or comes with the next sync.
 */
async function readCovered(
  read: ReadDelta,
  since: string | undefined,
  consistency: string | undefined,
): Promise<Delta> {
  try {
    return await read(since, consistency);
  } catch (error) {
    if (!(error instanceof GrapevineError && error.code === 'NOT_YET')) throw error;
    return read(since, undefined);
  }
}
