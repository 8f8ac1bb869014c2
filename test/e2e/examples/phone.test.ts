import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { nodeApis } from '../node-api.ts';

const program = resolve(import.meta.dirname, '../../../examples/phone/phone.js');
const topic = 'phone/outbox';
const stateSchema = z.object({
  outbox: z.array(z.unknown()),
  refused: z.array(z.object({ draft: z.object({ body: z.string() }) })),
  messages: z.array(z.object({ id: z.string(), body: z.string() })),
});

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let folder: string;

before(async () => {
  ({ path: folder } = resources.use(await temporaryFolder()));
  const { path: dataDir } = resources.use(await temporaryFolder());
  cluster = resources.adopt(await startCluster({ dataDir }), stopCluster);
});

/** Runs the example as the phone called `name`; answers its exit code and what it printed. */
function phone(name: string, args: readonly string[], url = cluster.gateway): Promise<{ code: number; text: string }> {
  const environment = { GRAPEVINE_URL: url, GRAPEVINE_TOKEN: cluster.tokens.mobile, PHONE_FILE: fileOf(name) };
  return new Promise((done) => {
    execFile(process.execPath, [program, ...args], { env: { ...process.env, ...environment } }, (error, out, errors) =>
      done({ code: typeof error?.code === 'number' ? error.code : 0, text: out + errors }),
    );
  });
}

function fileOf(name: string): string {
  return join(folder, `${name}.json`);
}

async function stateOf(name: string) {
  return stateSchema.parse(JSON.parse(await readFile(fileOf(name), 'utf8')));
}

async function bodiesOf(name: string): Promise<string[]> {
  return (await stateOf(name)).messages.map(({ body }) => body);
}

test('what is written offline waits, and is sent once there is a connection', async () => {
  for (const text of ['first', 'second', 'third']) {
    assert.equal((await phone('ada', ['write', topic, text])).code, 0);
  }
  const offline = await phone('ada', ['sync', topic], 'http://127.0.0.1:9');
  assert.deepEqual([offline.code, (await stateOf('ada')).outbox.length], [1, 3]);
  assert.match(offline.text, /^phone: no connection to .*: nothing is lost/);
  assert.equal((await phone('ada', ['sync', topic])).text, '3 new, 3 in all, 0 refused\n');
  assert.deepEqual(await bodiesOf('ada'), ['first', 'second', 'third']);
  assert.equal((await phone('ada', ['sync', topic])).text, '0 new, 3 in all, 0 refused\n');
});

test('an answer that got lost costs nothing: the outbox is sent again and gives the same messages', async () => {
  await phone('ada', ['write', topic, 'fourth']);
  await copyFile(fileOf('ada'), fileOf('before'));
  await phone('ada', ['sync', topic]);
  await copyFile(fileOf('before'), fileOf('ada'));
  assert.equal((await phone('ada', ['sync', topic])).text, '1 new, 4 in all, 0 refused\n');
  assert.deepEqual(await bodiesOf('ada'), ['first', 'second', 'third', 'fourth']);
});

test('another phone catches up, and goes on from its token though the node that gave it is gone', async () => {
  await phone('bob', ['sync', topic]);
  assert.deepEqual(await bodiesOf('bob'), ['first', 'second', 'third', 'fourth']);
  for (const [number, { name }] of nodeApis(cluster).entries()) {
    await phone('ada', ['write', topic, `after ${number}`]);
    await phone('ada', ['sync', topic]);
    await cluster.killAndAwait(name);
    assert.equal((await phone('bob', ['sync', topic])).code, 0);
  }
  assert.deepEqual(await bodiesOf('bob'), await bodiesOf('ada'));
  assert.equal(new Set((await stateOf('bob')).messages.map(({ id }) => id)).size, 7);
});

test('what can never be sent does not hold up the rest', async () => {
  await phone('ada', ['write', 'not a topic', 'refused']);
  await phone('ada', ['write', topic, 'sent']);
  assert.equal((await phone('ada', ['sync', topic])).text, '1 new, 8 in all, 1 refused\n');
  const { refused, outbox } = await stateOf('ada');
  assert.deepEqual([refused.map(({ draft }) => draft.body), outbox], [['refused'], []]);
});
