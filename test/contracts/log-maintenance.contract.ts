/** What `LogStore.maintain` promises, whatever the store stands on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { sizeOf } from '@grapevine/cluster-node/store/head-record.ts';
import { seqKey } from '@grapevine/cluster-node/store/keys.ts';
import { eraseEntries } from '@grapevine/cluster-node/views/erasure.ts';
import { OriginLog } from '../fixtures/origin-log.ts';
import { type StoreTest, type StoreUnderTest, useStore } from './store-under-test.ts';

export function describeLogMaintenance(name: string, open: () => Promise<StoreUnderTest>): void {
  const withStore = (what: string, run: StoreTest): void => {
    test(what, () => useStore(open, run));
  };

  describe(`LogStore.maintain: ${name}`, () => {
    withStore(
      'changes what is stored between commits, each change as a whole or not at all',
      async (first, restart) => {
        const { log, views } = first;
        const origin = new OriginLog('a');
        const [one, two, three] = [origin.segment([{}, {}]), origin.segment([{}, {}]), origin.segment([{}, {}])];
        await log.commit([one]);
        // Read, and so kept in memory.
        assert.notEqual(views.entry(origin.id, 0), undefined);
        const [sizeBefore] = await Promise.all([
          log.maintain((batch) => sizeOf(batch, origin.id)),
          log.commit([two]),
          assert.rejects(
            log.maintain((batch) => {
              batch.delete('segments', seqKey(origin.id, 0));
              throw new Error('not like this');
            }),
            /not like this/,
          ),
          log.maintain((batch, indexes) => {
            for (const { segment } of [one, two]) {
              eraseEntries(batch, indexes, fastTreeHash, segment, [segment.firstSeq]);
            }
          }),
          log.commit([three]),
        ]);
        assert.equal(sizeBefore, 2);
        const check = (store: StoreUnderTest): void => {
          assert.equal(store.views.count(), 6);
          const held = [0, 1, 2, 3, 4, 5].filter((seq) => store.views.entry(origin.id, seq) !== undefined);
          assert.deepEqual(held, [1, 3, 4, 5]);
        };
        check(first);
        check(await restart());
      },
    );
  });
}
