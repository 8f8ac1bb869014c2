import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand, sendJson, standInGateway } from './command.fixture.ts';

const origin = 'cd'.repeat(16);
const [idA, idB] = ['01'.repeat(32), '02'.repeat(32)];

async function compare(verdict: string, origins: object[], ...options: string[]) {
  const compared = { a: 'node-1', b: 'node-2', verdict, behindBy: 0, aheadBy: 0, origins };
  await using gateway = await standInGateway((_request, response) =>
    sendJson(response, 200, { data: { cluster: { compare: compared } } }),
  );
  return await runCommand(['compare', 'node-1', 'node-2', ...options, ...gateway.target]);
}

test('a fork is shown down to the entry', async () => {
  const forked = { origin, state: 'forked', sizeA: 9, sizeB: 12, by: 0, fork: { seq: 7, a: idA, b: idB } };
  const { code, stdout } = await compare('forked', [forked]);
  assert.equal(code, 1);
  assert.equal(
    stdout,
    `forked: node-1 and node-2 contradict each other

origin                            state   node-1  node-2  by
${origin}  forked  9       12

${origin} differs from entry 7 on:
  node-1 has ${idA}
  node-2 has ${idB}
`,
  );
  const json = JSON.parse((await compare('forked', [forked], '--json')).stdout);
  assert.deepEqual(json.origins[0].fork, { seq: 7, a: idA, b: idB });
});

test('logs that agree have nothing to locate', async () => {
  const equal = { origin, state: 'equal', sizeA: 9, sizeB: 9, by: 0, fork: null };
  const { code, stdout } = await compare('equal', [equal]);
  assert.equal(code, 0);
  assert.match(stdout, /^equal: node-1 and node-2 hold the same\n\n.*\n.*\n$/);
});
