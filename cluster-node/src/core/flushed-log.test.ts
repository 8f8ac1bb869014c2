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

it('keeps the root when a log becomes another, or goes', () => {
  const [one, other] = [new TestOrigin(1).segment(3), new TestOrigin(2)];
  const [before, after] = [other.segment(2), new TestOrigin(2).segment(1)];
  const flushed = new FlushedLog(fastTreeHash, []);
  flushed.apply([one, before]);
  const { origin } = before.segment;
  for (const head of [after.segment.head, undefined, before.segment.head]) {
    flushed.root();
    flushed.replace(origin, head);
    const heads = [one.segment.head, ...(head === undefined ? [] : [head])];
    assert.deepEqual(flushed.root(), nodeRoot(fastTreeHash, heads));
    assert.equal(flushed.size(origin), head?.size ?? 0);
    assert.equal(flushed.vector.has(origin), head !== undefined);
  }
});
