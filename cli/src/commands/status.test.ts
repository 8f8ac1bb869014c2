import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand, sendJson, sendProblem, standInGateway } from './command.fixture.ts';

const root = '0123456789abcdef'.repeat(4);

function report(verdict: string, pairs: object[]) {
  const node = { origin: 'cd'.repeat(16), state: 'alive', reachable: true, root, messages: 12 };
  const away = { ...node, name: 'node-2', state: 'suspect', reachable: false, root: null, messages: null };
  const second = verdict === 'unreachable' ? away : { ...node, name: 'node-2' };
  return { data: { cluster: { nodes: [{ ...node, name: 'node-1' }, second], consistency: { verdict, pairs } } } };
}

async function status(answer: object, ...options: string[]) {
  await using gateway = await standInGateway((_request, response) => sendJson(response, 200, answer));
  return await runCommand(['status', ...options, ...gateway.target]);
}

test('the verdict comes first, and the exit code says the same', async () => {
  const pair = { a: 'node-1', b: 'node-2', state: 'equal', by: 0 };
  const equal = await status(report('equal', [pair]));
  assert.deepEqual(equal, {
    code: 0,
    stderr: '',
    stdout: `equal: all 2 replicas tell the same story

node    state  messages  root
node-1  alive  12        0123456789abcdef
node-2  alive  12        0123456789abcdef
`,
  });
  const behind = await status(report('behind', [{ ...pair, state: 'behind', by: 3 }]));
  assert.equal(behind.code, 0);
  assert.match(behind.stdout, /^behind: .*\n\nnode-1 lacks 3 of node-2\n$/s);
  const forked = await status(report('forked', [{ ...pair, state: 'forked' }]));
  assert.equal(forked.code, 1);
  assert.match(forked.stdout, /^forked: .*node-1 and node-2: forked\n$/s);
  const unreachable = await status(report('unreachable', [{ ...pair, state: 'unreachable' }]));
  assert.equal(unreachable.code, 2);
  assert.match(unreachable.stdout, /^unreachable: .*node-2 {2}suspect, no answer {2}- /s);
});

test('a node that catches up shows how far it has come', async () => {
  const answer = report('behind', [{ a: 'node-1', b: 'node-2', state: 'ahead', by: 75 }]);
  const [, second] = answer.data.cluster.nodes;
  Object.assign(second ?? {}, { catchUp: { from: 'node-1', entries: 25, of: 100, bytesPerSecond: 24_060_000 } });
  const { code, stdout } = await status(answer);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\n\nnode-2 catches up from node-1: 25 of 100 messages \(25 %\) at 24\.1 MB\/s\n\nnode-2 lacks 75 of node-1\n$/,
  );
  const json = JSON.parse((await status(answer, '--json')).stdout);
  assert.deepEqual([json.nodes[0].catchUp, json.nodes[1].catchUp.entries], [null, 25]);
});

test('a node with damaged segments says so, and stays a replica that agrees', async () => {
  const answer = report('equal', []);
  const [first, second] = answer.data.cluster.nodes;
  Object.assign(first ?? {}, { quarantined: 1, mendedViews: 2 });
  Object.assign(second ?? {}, { quarantined: 0 });
  const { code, stdout } = await status(answer);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\n\nnode-1 has taken a damaged segment out of service and asks its peers for copies\nnode-1 has made 2 damaged records of its views anew since its start: look at its disk and memory\n$/,
  );
  const json = JSON.parse((await status(answer, '--json')).stdout);
  assert.deepEqual([json.nodes[0].quarantined, json.nodes[1].quarantined], [1, 0]);
});

test('a node that knows of a fork says so', async () => {
  const answer = report('forked', []);
  Object.assign(answer.data.cluster.nodes[0] ?? {}, { forks: 1 });
  const { code, stdout } = await status(answer);
  assert.equal(code, 1);
  assert.match(stdout, /\n\nnode-1 has evidence of a log with two histories\n$/);
});

test('--json is for programs: whole roots, the same exit code', async () => {
  const { code, stdout } = await status(report('forked', []), '--json');
  assert.equal(code, 1);
  const parsed = JSON.parse(stdout);
  assert.deepEqual(Object.keys(parsed), ['verdict', 'nodes', 'pairs']);
  assert.equal(parsed.nodes[0].root, root);
});

test('a cluster that cannot be asked is not reachable; a refusal is a failure', async () => {
  const errors = [{ message: 'No node answers.', extensions: { code: 'UNAVAILABLE' } }];
  const { code, stderr } = await status({ errors });
  assert.equal(code, 2);
  assert.match(stderr, /^grapevine: No node answers\. Try again in a moment\. \[UNAVAILABLE\]\n$/);
  await using gateway = await standInGateway((_request, response) =>
    sendProblem(response, 401, 'UNAUTHENTICATED', 'The token has expired.'),
  );
  const refused = await runCommand(['status', ...gateway.target]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /\[UNAUTHENTICATED\]\n$/);
});

test('an answer of another kind is told as such', async () => {
  assert.match(
    (await status({ data: { cluster: null } })).stderr,
    /the answer of the web API: cluster: .*UPSTREAM_FAILED/,
  );
  await using page = await standInGateway((_request, response) => response.end('<html>'));
  const { code, stderr } = await runCommand(['status', ...page.target]);
  assert.equal(code, 1);
  assert.match(stderr, /is it a Grapevine gateway\?/);
});

test('--watch prints each change of the verdict, goes on while nothing answers, and ends at Ctrl-C with the last verdict', async () => {
  const verdicts = ['equal', 'equal', 'behind', undefined, 'forked'];
  let looks = 0;
  await using gateway = await standInGateway((_request, response) => {
    const verdict = verdicts[Math.min(looks++, verdicts.length - 1)];
    if (verdict === undefined) sendProblem(response, 503, 'UNAVAILABLE', 'Nobody is there.');
    else sendJson(response, 200, report(verdict, []));
  });
  const { code, stdout } = await runCommand(['status', '--watch', '0.1', ...gateway.target], {
    stopAfter: (text) => text.includes('forked'),
  });
  assert.equal(code, 1);
  assert.match(stdout, /^\S+Z equal: .*\n\S+Z behind: .*\n\S+Z unreachable: .*Nobody is there.*\n\S+Z forked: .*\n$/);
  const json = await runCommand(['status', '--watch', '0.1', '--json', ...gateway.target], {
    stopAfter: (text) => text.split('\n').length > 2,
  });
  assert.deepEqual(
    json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).verdict),
    ['forked', 'forked'],
  );
});

test('--watch ends at a refusal, and takes no time that makes no sense', async () => {
  await using gateway = await standInGateway((_request, response) =>
    sendProblem(response, 403, 'FORBIDDEN', 'The scope cluster:read is missing.'),
  );
  assert.equal((await runCommand(['status', '--watch', ...gateway.target])).code, 1);
  for (const seconds of ['0', '-1', 'often', '4000']) {
    const { code, stderr } = await runCommand(['status', `--watch=${seconds}`, ...gateway.target]);
    assert.equal(code, 64);
    assert.match(stderr, /expected 0.1 to 3600 seconds/);
  }
});
