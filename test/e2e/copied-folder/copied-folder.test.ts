import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { request } from '../clients.ts';
import { randomBasePort, temporaryFolder } from '../cluster.ts';
import { untilRootsEqual } from '../node-api.ts';
import { NodeFamily, type NodeProcess } from '../node-process.ts';
import { until } from '../until.ts';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let family: NodeFamily;
let others: readonly NodeProcess[];
let original: NodeProcess;

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  family = resources.use(await NodeFamily.create({ dataDir, basePort: randomBasePort() }));
  others = [await family.start(1), await family.start(2)];
  original = await family.start(3);
});

test('a node that wakes up while a copy of its data folder is in use writes nothing more, and says why', async () => {
  await original.api.publish({ messages: [{ topic: 'a', body: 'before' }], acks: 3 });
  original.pause();
  await until('the others suspect it', async () => {
    const [first] = others;
    return (await first?.api.members())?.some(({ name, state }) => name === 'node-3' && state !== 'alive');
  });
  // As an administrator might who takes the machine for dead and has its disk in another one.
  await cp(family.folder(3), family.folder(4), { recursive: true });
  const copy = await family.start(4, { GRAPEVINE_NODE__NAME: 'node-3' });
  await copy.api.publish({ messages: [{ topic: 'a', body: 'by the copy' }], acks: 3 });
  // These wait in its socket and are read first when it goes on.
  const late = Array.from({ length: 20 }, (_, i) =>
    original.api.publish({ messages: [{ topic: 'a', body: `late ${i}` }] }).catch((error: unknown) => error),
  );
  original.resume();
  for (const outcome of await Promise.all(late)) assert.ok(outcome instanceof Error, 'a late message was written');
  const unready = await until('it is not ready', async () => {
    const answer = await request(`${original.api.url}/readyz`);
    return answer.status === 503 && JSON.stringify(answer.body);
  });
  assert.match(unready, /does not write any more: a process that started later, at .*, is the member node-3/);
  const superseded = [...(await original.api.metrics())].find(([name]) => name.startsWith('grapevine_superseded'));
  assert.equal(superseded?.[1], 1);
  await until('its log says so', async () => {
    const said = (await family.lastLogLines(3, 500)).filter((line) => line.includes('"level":"error"'));
    return said.some((line) => line.includes('superseded: this node does not write any more'));
  });
  const topic = await copy.api.topic('a');
  assert.deepEqual(
    topic.map(({ body }) => body),
    ['before', 'by the copy'],
  );
  await untilRootsEqual([...others, copy].map(({ api }) => api));
});

test('it still serves what it has, and ends in order', async () => {
  const topic = await original.api.topic('a');
  assert.equal(topic[0]?.body, 'before');
  assert.equal(await original.end('SIGTERM'), 0);
  assert.deepEqual(await family.fatalLogLines(3), []);
});
