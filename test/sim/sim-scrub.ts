import { applyFinding } from '@grapevine/cluster-node/damage/apply-finding.ts';
import { mend } from '@grapevine/cluster-node/damage/mend.ts';
import { OriginScrub } from '@grapevine/cluster-node/damage/origin-scrub.ts';
import type { LogChecks } from '@grapevine/cluster-node/damage/read-segment.ts';
import { DataDamage } from '@grapevine/cluster-node/store/damage.ts';
import { readHeads } from '@grapevine/cluster-node/store/head-record.ts';
import type { LogStore } from '@grapevine/cluster-node/store/log-store.ts';
import { listQuarantined, type Stretch } from '@grapevine/cluster-node/store/quarantine.ts';
import type { SituationCounts } from './check/situations.ts';

/** What a scrub needs of the node that it is in. */
export interface ScrubSurroundings {
  readonly store: LogStore;
  readonly checks: LogChecks;
  readonly situations: SituationCounts;
  wallMs(): number;
  /** What the peers that can be reached now give for the segment that holds an entry, one after the other. */
  copies(origin: string, seq: number): Iterable<Uint8Array>;
}

/**
 * The node's own looking, quarantine and mending, on simulated time: the scrubber's pace is left out, for its timers are
 * real.
 */
export class SimScrub {
  readonly #node: ScrubSurroundings;

  constructor(node: ScrubSurroundings) {
    this.#node = node;
  }

  /** One pass over all logs; rejects when the disk fails meanwhile. */
  async pass(): Promise<void> {
    const { store } = this.#node;
    for (const { head } of readHeads(store.flushed)) await this.#scrub(head.origin);
    for (const stretch of [...listQuarantined(store.flushed)]) {
      if (stretch.mendedMs === undefined) await this.#mend(stretch);
    }
  }

  async #scrub(origin: string): Promise<void> {
    const { store, checks, situations } = this.#node;
    const scrub = new OriginScrub(store.flushed, origin, checks, 0);
    for (let look = scrub.look(); look !== undefined; look = scrub.look()) {
      for (const finding of look.findings) {
        if (await store.maintain((batch) => applyFinding(batch, finding, this.#node.wallMs()))) {
          situations.reached('damage found');
        }
      }
    }
  }

  async #mend(stretch: Stretch): Promise<void> {
    const { store, checks, situations } = this.#node;
    for (const bytes of this.#node.copies(stretch.origin, stretch.firstSeq)) {
      try {
        await store.maintain((batch, indexes) => mend(batch, indexes, checks, stretch, bytes, this.#node.wallMs()));
        situations.reached('damage mended');
        return;
      } catch (error) {
        // The peer's copy is damaged as well.
        if (!(error instanceof DataDamage)) throw error;
      }
    }
  }
}
