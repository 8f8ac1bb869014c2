import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freeBasePort } from '../../fixtures/free-base-port.ts';
import { readKeyRing } from '../../fixtures/key-files.ts';
import { temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { untilRootsEqual } from '../node-api.ts';
import { NodeFamily, type NodeProcess } from '../node-process.ts';
import { until } from '../until.ts';
import { Forger } from './forger.ts';

/** Each way to forge comes up more than once. */
const forgedSegments = 9;
/** On a busy machine, in milliseconds. */
const patienceMs = 60_000;
const bodies = ['first', 'second', 'third'];

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let basePort: number;
let family: NodeFamily;
let forger: Forger;
let author: NodeProcess;

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  basePort = await freeBasePort(2);
  family = resources.use(await NodeFamily.create({ dataDir, basePort }));
  forger = resources.use(await Forger.open(await readKeyRing(join(dataDir, 'cluster.key'))));
  author = await family.start(1);
});

function udpPort(number: number): number {
  return basePort + 100 + number;
}

test('what a member forges of another log is refused, counted and logged, and the true log still arrives', async () => {
  for (const body of bodies) await author.api.publish({ messages: [{ topic: 'news', body }] });
  await until('the forger has pulled the log', () => {
    forger.pull(udpPort(1));
    return forger.stolen >= bodies.length;
  });
  // Whoever starts now hears of the log from the forger alone.
  author.pause();
  const victim = await family.start(2);
  await until(
    `${forgedSegments} forged segments were refused`,
    async () => {
      forger.offer(udpPort(2));
      return (await refusedBy(victim)) >= forgedSegments;
    },
    patienceMs,
  );
  assert.deepEqual(await victim.api.topics(), [], 'nothing forged is shown');
  const refusals = (await family.lastLogLines(2, 1_000)).filter((line) => line.includes('refused a segment'));
  assert.ok(refusals.every((line) => line.includes(forger.signer.origin)));
  for (const reason of ['bad-root', 'bad-signature']) {
    assert.ok(
      refusals.some((line) => line.includes(`"reason":"${reason}"`)),
      reason,
    );
  }

  author.resume();
  await untilRootsEqual([author.api, victim.api]);
  // The forger goes on, and is asked less and less.
  forger.offer(udpPort(2));
  const { acknowledged } = await author.api.publish({ messages: [{ topic: 'news', body: 'fourth' }], acks: 2 });
  assert.ok(acknowledged);
  for (const { api } of [author, victim]) {
    assert.deepEqual(
      (await api.topic('news')).map(({ body }) => body),
      [...bodies, 'fourth'],
      api.name,
    );
    assert.deepEqual(await api.forks(), [], `${api.name} takes it for a fork`);
  }
  for (const [number, node] of [author, victim].entries()) {
    assert.equal(await node.end('SIGTERM'), 0);
    const { ending, stdout } = await grapevine('fsck', '--json', family.folder(number + 1));
    assert.equal(ending, 0, stdout);
  }
});

async function refusedBy({ api }: NodeProcess): Promise<number> {
  const [, count] =
    [...(await api.metrics())].find(([name]) => name.startsWith('grapevine_segments_refused_total')) ?? [];
  return count ?? 0;
}
