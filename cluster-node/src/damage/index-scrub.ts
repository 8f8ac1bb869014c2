import { unlessDamaged } from '../store/damage.ts';
import type { LogStore } from '../store/log-store.ts';
import { mendRun } from '../store/mend-run.ts';
import { readManifest } from '../store/run-manifest.ts';
import type { Mender } from './mender.ts';

/** Those of `Indexes`. */
const indexNumbers = [0, 1];
/** Chunks that are looked at in one turn of the event loop, each a page. */
const sliceChunks = 64;

/**
 * Puts the order of the indexes' runs right. Records that were lost by the damage, or by this, are added again where the
 * segments of their entries are looked at: so this comes before. Yields how many pages it has read since it last did;
 * ends with whether anything was wrong.
 */
export async function* scrubIndexes(
  store: Pick<LogStore, 'flushed' | 'maintain'>,
  mender: Mender,
): AsyncGenerator<number, boolean> {
  let isDamaged = false;
  for (const index of indexNumbers) {
    for (const { id } of unlessDamaged(() => readManifest(store.flushed, index))?.runs ?? []) {
      for (let from: number | undefined = 0; from !== undefined; ) {
        const start: number = from;
        const { next, mended } = await store.maintain((batch) => mendRun(batch, index, id, start, sliceChunks));
        if (mended > 0) mender.viewsMended(mended, { index, run: id });
        isDamaged ||= mended > 0;
        yield sliceChunks;
        from = next;
      }
    }
  }
  return isDamaged;
}
