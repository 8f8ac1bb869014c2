import assert from 'node:assert/strict';
import { readFile, rm, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@grapevine/shared/config/load.ts';
import { until } from '@grapevine/test/e2e/until.ts';
import { freeBasePort } from '@grapevine/test/fixtures/free-base-port.ts';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { type ClusterFile, readClusterFile } from '../cluster-file.ts';
import type { ChildEvent } from './child.ts';
import { type ClusterObserver, type LocalClusterOptions, runLocalCluster } from './local-cluster.ts';

const standIn = fileURLToPath(import.meta.resolve('@grapevine/test/fixtures/stand-in-service.ts'));

/** A cluster of stand-ins: real processes, none of our services. */
async function start(dataDir: string, environment: Record<string, string> = {}, program = process.execPath) {
  const ready = Promise.withResolvers<ClusterFile>();
  const events: ChildEvent[] = [];
  const observer: ClusterObserver = {
    ready: ready.resolve,
    event: (event) => events.push(event),
    waitingForPredecessor: () => {},
    stopping: () => {},
    stopped: () => {},
  };
  const stop = new AbortController();
  const { pid, execPath, env, kill, cwd, on, off } = process;
  const options: LocalClusterOptions = {
    nodes: 2,
    basePort: await freeBasePort(2),
    dataDir,
    config: loadConfig({ environment: {} }),
    commandOf: (service) => [program, standIn, service],
    stopDeadlineMs: 1_000,
    environment: { ...env, ...environment },
    host: { pid, execPath, env, kill, cwd, on, off },
  };
  const ended = runLocalCluster(options, observer, stop.signal);
  ended.catch(ready.reject);
  // A test looks at one of the two; the other must not count as unhandled.
  ready.promise.catch(() => {});
  return { ready: ready.promise, events, ended, options, stop: () => stop.abort() };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('starts all, writes cluster.json for its owner, restarts what was killed, and stops in order', async () => {
  await using folder = await temporaryFolder();
  const journal = `${folder.path}/journal`;
  const cluster = await start(folder.path, { STAND_IN_JOURNAL: journal });
  const started = await cluster.ready;
  assert.deepEqual(
    started.processes.map(({ name }) => name),
    ['node-1', 'node-2', 'bff-web', 'bff-mobile', 'gateway'],
  );
  assert.deepEqual(await readClusterFile(folder.path), started);
  assert.equal((await stat(`${folder.path}/cluster.json`)).mode & 0o777, 0o600);
  assert.equal(started.console, `${started.gateway}/console/#token=${started.tokens.operator}`);

  const victim = started.processes[1];
  assert.ok(victim);
  // As somebody may who tidies up: the cluster must not depend on it.
  await rm(`${folder.path}/logs`, { recursive: true });
  process.kill(victim.pid, 'SIGKILL');
  const again = await until('node-2 is back', () => cluster.events.find(({ type }) => type === 'ready'));
  assert.deepEqual(cluster.events[0], {
    type: 'exited',
    name: 'node-2',
    pid: victim.pid,
    how: 'was killed by SIGKILL',
    restartInMs: 200,
  });
  await until('cluster.json has the new process', async () => {
    const processes = (await readClusterFile(folder.path))?.processes ?? [];
    return processes.some(({ name, pid }) => name === 'node-2' && pid === again.pid);
  });

  cluster.stop();
  await cluster.ended;
  const order = (await readFile(journal, 'utf8')).trim().split('\n');
  assert.equal(order[0], 'gateway SIGTERM');
  assert.deepEqual(order.slice(1, 3).sort(), ['bff-mobile SIGTERM', 'bff-web SIGTERM']);
  assert.deepEqual(order.slice(3).sort(), ['node-1 SIGTERM', 'node-2 SIGTERM']);
  assert.equal(await readClusterFile(folder.path), undefined);
});

test('a second cluster on the same folder is refused while the first runs', async () => {
  await using folder = await temporaryFolder();
  const first = await start(folder.path);
  await first.ready;
  const second = await start(folder.path);
  await assert.rejects(second.ended, { code: 'DATA_DIR_IN_USE' });
  first.stop();
  await first.ended;
});

test('a process that cannot start ends the start with its own words, and nothing is left running', async () => {
  await using folder = await temporaryFolder();
  const journal = `${folder.path}/journal`;
  const cluster = await start(folder.path, { STAND_IN_FAULT: 'bff-web:exit', STAND_IN_JOURNAL: journal });
  await assert.rejects(
    cluster.ended,
    /^CommandError: bff-web ended with code 1: bff-web: the disk is made of cheese \(log: .*bff-web\.log\)$/,
  );
  const again = await start(folder.path);
  await again.ready;
  again.stop();
  await again.ended;
});

test('a process that ends to be started anew, such as a node with a fork, is, also before it was ever ready', async () => {
  await using folder = await temporaryFolder();
  const lives = `${folder.path}/lives`;
  const cluster = await start(folder.path, { STAND_IN_FAULT: 'cluster-node:anew', STAND_IN_LIVES: lives });
  const { processes } = await cluster.ready;
  const inSecondLife = await Promise.all(['node-1', 'node-2'].map((name) => readFile(`${lives}-${name}`, 'utf8')));
  assert.deepEqual([processes.length, inSecondLife], [5, ['', '']]);
  cluster.stop();
  await cluster.ended;
});

test('a program that is not there ends the start, too', async () => {
  await using folder = await temporaryFolder();
  const cluster = await start(folder.path, {}, '/nowhere/node');
  await assert.rejects(cluster.ended, /node-1 cannot be started: spawn \/nowhere\/node ENOENT/);
});

test('a process that does not stop when asked is killed in the end', async () => {
  await using folder = await temporaryFolder();
  const cluster = await start(folder.path, { STAND_IN_FAULT: 'bff-mobile:stubborn' });
  const { processes } = await cluster.ready;
  cluster.stop();
  await cluster.ended;
  assert.deepEqual(
    processes.filter(({ pid }) => isRunning(pid)),
    [],
  );
});

test('a stop during the start stops what was started', async () => {
  await using folder = await temporaryFolder();
  const cluster = await start(folder.path);
  cluster.stop();
  await cluster.ended;
  assert.equal(await readClusterFile(folder.path), undefined);
});

test('the tokens of a start are good for the keys that an earlier start made', async () => {
  await using folder = await temporaryFolder();
  const keys: string[] = [];
  for (let round = 0; round < 2; round++) {
    const cluster = await start(folder.path);
    const { processes } = await cluster.ready;
    keys.push(await readFile(`${folder.path}/secrets/jwks.json`, 'utf8'));
    cluster.stop();
    await cluster.ended;
    assert.deepEqual(
      processes.filter(({ pid }) => isRunning(pid)),
      [],
    );
  }
  assert.equal(keys[0], keys[1]);
});
