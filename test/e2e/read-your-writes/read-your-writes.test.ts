import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../cluster.ts';
import { readYourWrites } from './pairs.ts';

test('a read with the token of a write finds it at any other node, through both APIs', async () => {
  await using folder = await temporaryFolder();
  const { ways, nodes } = await readYourWrites(folder.path, 200);
  assert.deepEqual(Object.keys(ways).sort(), ['mobile > mobile', 'mobile > web', 'web > mobile', 'web > web']);
  assert.equal(
    Object.values(nodes).reduce((sum, pairs) => sum + pairs),
    200,
  );
});
