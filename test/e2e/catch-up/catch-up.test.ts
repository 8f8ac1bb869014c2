import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freeBasePort } from '../../fixtures/free-base-port.ts';
import { temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { untilRootsEqual } from '../node-api.ts';
import { NodeFamily, type NodeProcess } from '../node-process.ts';
import { until } from '../until.ts';
import { publishHistory } from './history.ts';
import { Writer } from './writer.ts';

/** 17 MB of segments. */
const history = 50_000;
const bodyBytes = 256;
/** For a catch-up, and for roots to be equal after it; on a busy machine. */
const patienceMs = 120_000;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let family: NodeFamily;
/** Nodes by number; 1 and 2 hold the history, 3 joins. */
const nodes: NodeProcess[] = [];
const writers: Writer[] = [];

function node(number: number): NodeProcess {
  const found = nodes[number];
  assert.ok(found !== undefined);
  return found;
}

async function start(number: number): Promise<void> {
  nodes[number] = await family.start(number);
}

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  // Less than by default: wherever in the history a node is killed, the rest is still worth a stream.
  const environment = { GRAPEVINE_NODE__GOSSIP__CATCH_UP_BYTES: `${1024 * 1024}` };
  family = resources.use(await NodeFamily.create({ dataDir, basePort: await freeBasePort(3), environment }));
  await Promise.all([start(1), start(2)]);
  await Promise.all([1, 2].map((number) => publishHistory(node(number).api, history / 2, bodyBytes)));
  await untilRootsEqual([node(1).api, node(2).api], patienceMs);
  writers.push(new Writer(node(1).api), new Writer(node(2).api));
});

/** What the joining node says of its catch-up, once it has begun and brought something. */
function catchUpUnderWay() {
  return until('a catch-up is under way', async () => {
    const [own] = await node(3).api.members();
    return own?.catchUp != null && own.catchUp.entries > 0 && own.catchUp;
  });
}

test('an empty node streams the history while the cluster and it itself take writes; it is killed in the middle', async () => {
  await start(3);
  const { from, entries, of } = await catchUpUnderWay();
  assert.match(from, /^node-[12]$/);
  assert.ok(entries < of && of <= history + writers.reduce((sum, { accepted }) => sum + accepted.length, 0));
  await node(3).api.publish({ messages: [{ topic: 'news', body: 'from the newcomer' }], acks: 2 });
  const { messages } = await until('some of it is visible', async () => {
    const root = await node(3).api.root();
    return root.messages > history / 10 && root;
  });
  assert.ok(messages < history, `all ${messages} were there before it could be killed`);
  await node(3).end('SIGKILL');
});

test('it goes on where it was, and when the peer that it streams from is killed the other one serves it', async () => {
  await start(3);
  const { messages } = await node(3).api.root();
  assert.ok(messages > history / 10, `only ${messages} were left after the kill`);
  const { from } = await catchUpUnderWay();
  const server = from === 'node-1' ? 1 : 2;
  await node(server).end('SIGKILL');
  const survivor = node(3 - server).api;
  await until(
    'the rest has come',
    async () => (await node(3).api.root()).messages >= history && (await survivor.root()).messages >= history,
    patienceMs,
  );
  await start(server);
});

test('in the end all hold the same, nothing accepted is missing, and their disks are sound', async () => {
  for (const writer of writers) await writer.stop();
  await untilRootsEqual(
    [1, 2, 3].map((number) => node(number).api),
    patienceMs,
  );
  const accepted = writers.flatMap((writer) => writer.accepted);
  assert.ok(accepted.length > 0);
  const found = await node(3).api.messages(accepted);
  assert.equal(found.filter((message) => message === null).length, 0);
  const metrics = [...(await node(3).api.metrics())];
  const refused = metrics.find(([name]) => name.startsWith('grapevine_segments_refused_total'));
  assert.equal(refused?.[1], 0);
  const checks = [1, 2, 3].map(async (number) => {
    await node(number).end('SIGTERM');
    return grapevine('fsck', '--json', family.folder(number));
  });
  for (const { ending, stdout } of await Promise.all(checks)) assert.equal(ending, 0, stdout);
});
