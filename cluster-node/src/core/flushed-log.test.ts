import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { nodeRoot } from '@grapevine/shared/log/node-root.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { FlushedLog } from './flushed-log.ts';
import { TestOrigin } from './origin.fixture.ts';

it('keeps the root of all that was flushed, whatever grows in whatever order', () => {
  const origins = Array.from({ length: 5 }, (_, seed) => new TestOrigin(seed));
  const flushed = new FlushedLog(fastTreeHash, []);
  const heads = new Map<string, SignedHead>();
  // The roots in between are asked for, so that what is kept for the next one has to be right.
  for (const index of [3, 0, 3, 4, 1, 1, 0, 2, 4, 3]) {
    const segment = origins[index]?.segment();
    if (segment === undefined) continue;
    const { head } = segment.segment;
    assert.deepEqual([...flushed.apply([segment])], [head.origin]);
    heads.set(head.origin, head);
    assert.deepEqual(flushed.root(), nodeRoot(fastTreeHash, heads.values()));
  }
  assert.deepEqual(new FlushedLog(fastTreeHash, flushed.heads()).root(), flushed.root());
});
