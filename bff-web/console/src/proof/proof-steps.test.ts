import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import { referenceInclusion, referenceRoot } from '@grapevine/shared/merkle/reference-tree.fixture.ts';
import { nobleTreeHash as hash } from '@grapevine/shared/merkle/tree-hash.ts';
import { proofSteps } from './proof-steps.ts';

test('the way leads from every leaf of trees of all shapes to the root', () => {
  for (let size = 1; size <= 20; size++) {
    const leaves = Array.from({ length: size }, (_, i) => hash.leaf(Uint8Array.of(i)));
    for (const [index, leaf] of leaves.entries()) {
      const path = referenceInclusion(hash, index, leaves).map(toHex);
      const steps = proofSteps(toHex(leaf), index, size, path);
      const last = steps.at(-1);
      const [own, sibling] = [fromHex(last?.hash ?? ''), fromHex(last?.sibling ?? '')];
      const top = last === undefined ? leaf : last.side === 'left' ? hash.node(sibling, own) : hash.node(own, sibling);
      assert.equal(toHex(top), toHex(referenceRoot(hash, leaves)), `entry ${index} of ${size}`);
    }
  }
});
