/**
 * Nodes whose disks give trouble. The file systems are real ones in mount namespaces of the nodes' own: a small tmpfs that
 * something else fills, a folder that is mounted read-only. Errors and delays are put into the system calls of running nodes.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { errorOf, request } from '../clients.ts';
import { randomBasePort, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { untilRootsEqual } from '../node-api.ts';
import { NodeFamily, type NodeFamilyOptions, type NodeProcess } from '../node-process.ts';
import { until } from '../until.ts';
import { Injection } from './injection.ts';

const run = promisify(execFile);
const topic = 'trouble';
/** Above the journal's two files and a new database, and soon full. */
const diskBytes = 24 * 1024 * 1024;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());

/** Runs a node in a mount namespace of its own, after `prepare` has made something of its data folder `$1`. */
function inNamespace(prepare: string): (folder: string) => [string, ...string[]] {
  const script = `mkdir -p "$1" && ${prepare} && shift && exec "$@"`;
  return (folder) => ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', folder];
}

async function family(options: Partial<NodeFamilyOptions>): Promise<NodeFamily> {
  const { path: dataDir } = resources.use(await temporaryFolder());
  return resources.use(await NodeFamily.create({ dataDir, basePort: randomBasePort(), ...options }));
}

/** Runs a command where `node` sees its files. */
async function beside(node: NodeProcess, ...command: string[]): Promise<void> {
  await run('nsenter', ['--target', `${node.pid}`, '--user', '--mount', '--preserve-credentials', ...command]);
}

function messages(count: number, body: string) {
  return Array.from({ length: count }, () => ({ topic, body }));
}

/** Why the node says that it is not ready; undefined when it is. */
async function unready(node: NodeProcess): Promise<string | undefined> {
  return errorOf(await request(`${node.api.url}/readyz`))?.message;
}

async function statesSeenBy({ api }: NodeProcess): Promise<string[]> {
  return (await api.members()).map(({ state }) => state);
}

/** Each node shows every acknowledged message, and none twice. */
async function requireAll(acknowledged: ReadonlySet<string>, ...nodes: readonly NodeProcess[]): Promise<void> {
  for (const { api } of nodes) {
    const ids = (await api.topic(topic)).map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(acknowledged.difference(new Set(ids)), new Set(), `${api.name} has all that was acknowledged`);
  }
}

describe('a node whose disk', () => {
  test('is full refuses publishes, goes on reading and gossiping, and takes them again when there is room', async () => {
    const nodes = await family({ wrapper: inNamespace(`mount -t tmpfs -o size=${diskBytes} none "$1"`) });
    const [full, other] = [await nodes.start(1), await nodes.start(2)];
    const acknowledged = new Set<string>();
    const publish = async (node: NodeProcess, body: string): Promise<void> => {
      for (const { id } of (await node.api.publish({ messages: messages(20, body) })).results) acknowledged.add(id);
    };
    await publish(full, 'before');
    const ballast = join(nodes.folder(1), 'ballast');
    // Takes what there is and then fails, as it should.
    await assert.rejects(beside(full, 'dd', 'if=/dev/zero', `of=${ballast}`, 'bs=64k'), /No space left/);
    const refusal = await until('a refusal', async () => {
      try {
        await publish(full, 'x'.repeat(20_000));
        return undefined;
      } catch (error) {
        return String(error);
      }
    });
    assert.match(refusal, /DISK_FULL|OUTCOME_UNKNOWN/);
    await until('the node knows why', async () => /until there is room/.test((await unready(full)) ?? ''));
    await assert.rejects(publish(full, 'refused'), /DISK_FULL/);

    // Everything but writing goes on.
    const readable = await full.api.topic(topic);
    assert.ok(acknowledged.size > 0);
    assert.deepEqual(acknowledged.difference(new Set(readable.map(({ id }) => id))), new Set());
    const metrics = await full.api.metrics();
    const series = (name: string): number => [...metrics].find(([key]) => key.startsWith(name))?.[1] ?? Number.NaN;
    assert.equal(series('grapevine_store_writable'), 0);
    assert.ok(series('grapevine_store_failures_total{') >= 1);
    await publish(other, 'meanwhile');
    assert.deepEqual(await statesSeenBy(other), ['alive', 'alive']);

    await beside(full, 'rm', ballast);
    await until('the node is ready again', async () => (await unready(full)) === undefined);
    await publish(full, 'after');
    await untilRootsEqual([full.api, other.api]);
    await requireAll(acknowledged, full, other);
  });

  for (const [what, calls, files] of [
    // Of the journal alone: where a page of the database cannot be written, LMDB's own handling of it may end the process.
    ['fails to write its journal', ['pwrite64'], ['journal-0', 'journal-1']],
    ['fails to sync its database', ['fdatasync'], []],
  ] as const) {
    test(`${what} acknowledges nothing, goes on reading and gossiping, and recovers by itself`, async () => {
      const nodes = await family({});
      const [failing, other] = [await nodes.start(1), await nodes.start(2)];
      const acknowledged = new Set<string>();
      const publish = async ({ api }: NodeProcess, body: string): Promise<void> => {
        for (const { id } of (await api.publish({ messages: messages(5, body) })).results) acknowledged.add(id);
      };
      await publish(failing, 'before');
      await untilRootsEqual([failing.api, other.api]);
      {
        const paths = files.map((file) => join(nodes.folder(1), file));
        await using _ = await Injection.begin(failing.pid, calls, 'error=EIO', paths);
        const refusal = await until('a refusal', () =>
          publish(failing, 'while it fails').then(
            () => undefined,
            (error: unknown) => String(error),
          ),
        );
        assert.match(refusal, /DISK_FAILED|OUTCOME_UNKNOWN/);
        await until('the node knows why', async () => /EIO|Input\/output/i.test((await unready(failing)) ?? ''));
        await assert.rejects(publish(failing, 'refused'), /DISK_FAILED/);
        await publish(other, 'meanwhile');
        const readable = new Set((await failing.api.topic(topic)).map(({ id }) => id));
        const before = acknowledged.values().take(5);
        for (const id of before) assert.ok(readable.has(id));
        assert.deepEqual(await statesSeenBy(other), ['alive', 'alive']);
      }
      await until('the node is ready again', async () => (await unready(failing)) === undefined);
      await publish(failing, 'after');
      await untilRootsEqual([failing.api, other.api]);
      await requireAll(acknowledged, failing, other);
      assert.deepEqual(await nodes.fatalLogLines(1), []);
      assert.equal(await failing.end('SIGTERM'), 0);
      assert.equal((await grapevine('fsck', nodes.folder(1))).ending, 0);
    });
  }

  test('hangs keeps nobody waiting for ever, goes on reading and gossiping, and recovers by itself', async () => {
    const nodes = await family({});
    const [hanging, other] = [await nodes.start(1), await nodes.start(2)];
    const acknowledged = new Set<string>();
    const publish = async ({ api }: NodeProcess, body: string): Promise<void> => {
      const message = { topic, body, idempotencyKey: body };
      for (const { id } of (await api.publish({ messages: [message] })).results) acknowledged.add(id);
    };
    await publish(hanging, 'before');
    await untilRootsEqual([hanging.api, other.api]);
    {
      await using _ = await Injection.begin(hanging.pid, ['pwrite64'], 'delay_enter=600000000');
      const waiting = assert.rejects(publish(hanging, 'into the void'), /OUTCOME_UNKNOWN/);
      await until(
        'the node knows why',
        async () => /has not ended a write/.test((await unready(hanging)) ?? ''),
        60_000,
      );
      await assert.rejects(publish(hanging, 'refused'), /DISK_FAILED/);
      await publish(other, 'meanwhile');
      assert.deepEqual(
        (await hanging.api.topic(topic)).map(({ body }) => body),
        ['before'],
      );
      assert.deepEqual(await statesSeenBy(other), ['alive', 'alive']);
      await waiting;
    }
    await until('the node is ready again', async () => (await unready(hanging)) === undefined);
    // As the error says: with the same key it does no harm.
    await publish(hanging, 'into the void');
    await untilRootsEqual([hanging.api, other.api]);
    await requireAll(acknowledged, hanging, other);
    assert.deepEqual(
      new Set((await other.api.topic(topic)).map(({ body }) => body)),
      new Set(['before', 'meanwhile', 'into the void']),
    );
  });

  for (const [what, prepare, complaint] of [
    ['is read-only', 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"', /\[DATA_DIR_UNUSABLE\]/],
    ['is full from the start', 'mount -t tmpfs -o size=6m none "$1"', /\[DISK_FULL\]/],
  ] as const) {
    test(`${what} does not start, and says in one line why`, async () => {
      const nodes = await family({ wrapper: inNamespace(prepare) });
      const complaints = await nodes.complaintsOf(1);
      assert.match(complaints, complaint);
      assert.ok(complaints.includes(nodes.folder(1)), complaints);
      assert.equal(complaints.trim().split('\n').length, 1, complaints);
    });
  }
});

describe('a data folder', () => {
  test('is for its own node, whatever uses it now', async () => {
    // Alone: with seeds it would wait for the other one at each start.
    const nodes = await family({ environment: { GRAPEVINE_NODE__SEEDS: '[]' } });
    const node = await nodes.start(1);
    assert.match(await nodes.complaintsOf(1), /^node-1: .*\[DATA_DIR_IN_USE\]\n$/);
    await node.end('SIGTERM');
    const owner = join(nodes.folder(1), 'owner');
    assert.equal(await readFile(owner, 'utf8'), 'node-1\n');
    await writeFile(owner, 'node-7\n');
    assert.match(await nodes.complaintsOf(1), /node-7.*\[DATA_DIR_FOREIGN\]/);
    // The way out for one that was renamed.
    await writeFile(owner, 'node-1\n');
    await (await nodes.start(1)).end('SIGTERM');
  });
});
