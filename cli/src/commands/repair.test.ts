import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandOptions, runCommand, sendJson, standInGateway } from './command.fixture.ts';

const origin = 'cd'.repeat(16);
const sound = {
  origin,
  state: 'sound',
  size: 9,
  checked: 9,
  damaged: 0,
  mended: 0,
  treeNodes: 0,
  left: [],
  fork: null,
  setAside: null,
};
const stretch = {
  firstSeq: 3,
  endSeq: 5,
  damage: 'It is missing.',
  why: 'It would be fetched from a peer that has it.',
};
const damaged = { ...sound, state: 'damaged', damaged: 1, left: [stretch] };
const mended = { ...sound, state: 'mended', damaged: 1, mended: 1 };
const fork = { seq: 4, own: '01'.repeat(32), other: '02'.repeat(32), peer: 'node-2' };

/** Runs `repair node-1` before a cluster where a dry run shows `plan` and a repair comes to `outcome`. */
async function repair(plan: object, outcome: object, args: readonly string[], options: CommandOptions = {}) {
  const calls: unknown[] = [];
  await using gateway = await standInGateway(({ body }, response) => {
    const { variables } = body as { variables: { dryRun: boolean } };
    calls.push(variables);
    const { dryRun } = variables;
    const report = { node: 'node-1', dryRun, complete: true, origins: [dryRun ? plan : outcome] };
    sendJson(response, 200, { data: { repair: report } });
  });
  const result = await runCommand(['repair', 'node-1', ...args, ...gateway.target], options);
  return { ...result, calls };
}

test('shows what would be done, asks, and does it', async () => {
  const { code, stdout, stderr, calls } = await repair(damaged, mended, [], { isTerminal: true, stdin: ['y', '\n'] });
  assert.equal(code, 0);
  assert.deepEqual(calls, [
    { node: 'node-1', dryRun: true },
    { node: 'node-1', dryRun: false },
  ]);
  assert.equal(
    stderr,
    `node-1: 1 damaged stretch would be mended

origin                            state    checked  damaged  mended  tree nodes
${origin}  damaged  9 of 9   1        0       0

${origin}:
  entries 3 to 4: It is missing. It would be fetched from a peer that has it.

Mend node-1 now? [y/N] `,
  );
  assert.match(stdout, /^node-1: 1 of 1 damaged stretch mended\n/);
});

test('does nothing without a yes', async () => {
  for (const stdin of [['n\n'], ['\n'], [], ['yesterday\n']]) {
    const { code, stderr, calls } = await repair(damaged, mended, [], { isTerminal: true, stdin });
    assert.equal(code, 1);
    assert.match(stderr, /nothing was changed/);
    assert.deepEqual(calls, [{ node: 'node-1', dryRun: true }]);
  }
});

test('does not ask when there is nothing to mend', async () => {
  const { code, stdout, calls } = await repair(sound, sound, [], { isTerminal: true });
  assert.deepEqual([code, stdout, calls.length], [0, 'node-1: nothing is damaged\n', 1]);
});

test('refuses where nobody can be asked, and says what to add', async () => {
  const { code, stderr, calls } = await repair(damaged, mended, []);
  assert.deepEqual([code, calls], [64, []]);
  assert.match(stderr, /no terminal; add --yes to repair, or --dry-run/);
});

test('--yes does it at once, --dry-run only looks, --json prints the report', async () => {
  const flags = ['--origin', origin, '--from', 'node-3'];
  const done = await repair(damaged, mended, ['--yes', '--json', ...flags]);
  assert.deepEqual([done.code, done.calls], [0, [{ node: 'node-1', origin, from: 'node-3', dryRun: false }]]);
  assert.deepEqual(JSON.parse(done.stdout).origins, [mended]);
  const looked = await repair(damaged, mended, ['--dry-run']);
  assert.deepEqual([looked.code, looked.calls], [1, [{ node: 'node-1', dryRun: true }]]);
  assert.match(looked.stdout, /would be mended/);
});

test('a log with two histories is shown with the way out, and nothing is asked', async () => {
  const forked = { ...sound, state: 'forked', fork };
  const { code, stdout, calls } = await repair(forked, forked, [], { isTerminal: true, stdin: ['y\n'] });
  assert.deepEqual([code, calls.length], [1, 1]);
  assert.match(stdout, /^node-1: 1 log is forked and not touched\n/);
  assert.match(stdout, new RegExp(`${origin} has two signed histories from entry 4 on:\n  here  01.*\n  node-2  02`));
  assert.match(stdout, /Decide which one stays(?:.|\n)*grapevine repair node-1 --adopt node-2/);
});

test('--adopt shows the fork, asks, and says what was set aside and where', async () => {
  const forked = { ...sound, state: 'forked', fork };
  const setAside = {
    peer: 'node-2',
    folder: 'set-aside/x',
    firstSeq: 4,
    endSeq: 7,
    messages: [{ seq: 4, id: fork.own, topic: 'news', author: 'ann\u001b[2J' }],
  };
  const adopted = { ...sound, state: 'adopted', fork, setAside };
  const answered = { isTerminal: true, stdin: ['y\n'] };
  const { code, stdout, stderr, calls } = await repair(forked, adopted, ['--adopt', 'node-2'], answered);
  assert.equal(code, 0);
  assert.deepEqual(calls, [
    { node: 'node-1', adopt: 'node-2', dryRun: true },
    { node: 'node-1', adopt: 'node-2', dryRun: false },
  ]);
  assert.match(stderr, /Have node-1 adopt what node-2 has now\? \[y\/N\] $/);
  assert.equal(
    stdout,
    `node-1: 1 log has another history now

${origin} is what node-2 has. node-1 had other entries 4 to 6; kept in its data folder, in set-aside/x:
  4  ${fork.own}  news  ann\\u001b[2J
  and 2 more
`,
  );
});

test('what is left is shown with why, and ends with 1', async () => {
  const left = { ...damaged, left: [{ ...stretch, endSeq: 4, why: 'Node node-2 does not have this segment.' }] };
  const { code, stdout } = await repair(damaged, left, ['--yes']);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /0 of 1 damaged stretch mended(?:.|\n)*entry 3: It is missing\. Node node-2 does not have this segment\./,
  );
});
