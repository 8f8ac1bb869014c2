import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';

/** Installs as npm would, as far as the set-up can see, and notes that it was called. */
const workingNpm =
  'mkdir -p node_modules/.bin; touch node_modules/.bin/node; echo "$@" >> calls; rm -f node_modules/old';
const brokenNpm = 'echo "npm error code ECONNREFUSED"; exit 1';

/** A project of its own, with `programs` as all that is on PATH besides the shell's basics. */
async function projectWith(folder: string, programs: Readonly<Record<string, string>>) {
  await mkdir(join(folder, 'bin'));
  for (const name of ['setup.js', 'grapevine.js']) {
    await copyFile(join(import.meta.dirname, name), join(folder, 'bin', name));
  }
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  await writeFile(join(folder, 'package-lock.json'), '{"lockfileVersion": 3}');
  const path = join(folder, 'path');
  await mkdir(path);
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(path, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
    await chmod(join(path, name), 0o755);
  }
  return (script: string, ...args: string[]) => {
    const file = join(folder, 'bin', script);
    const result = spawnSync(process.execPath, [file, ...args], { cwd: folder, env: { PATH: path }, encoding: 'utf8' });
    return { code: result.status, output: result.stdout + result.stderr };
  };
}

test('installs once, then only when the lock file changed', async () => {
  await using folder = await temporaryFolder();
  const run = await projectWith(folder.path, { npm: workingNpm });
  const first = run('setup.js');
  assert.equal(first.code, 0, first.output);
  assert.match(first.output, /^Setting up \(first start only\) … done in \d+ s\.\n$/);
  assert.deepEqual(run('setup.js'), { code: 0, output: '' });
  const calls = async (): Promise<string[]> => (await readFile(join(folder.path, 'calls'), 'utf8')).trim().split('\n');
  assert.match((await calls()).join(), /^ci --ignore-scripts [^,]*$/);
  await writeFile(join(folder.path, 'package-lock.json'), '{"lockfileVersion": 3, "packages": {}}');
  assert.equal(run('setup.js').code, 0);
  assert.equal((await calls()).length, 2);
  await rm(join(folder.path, 'node_modules/.bin/node'));
  assert.equal(run('setup.js').code, 0);
  assert.equal((await calls()).length, 3, 'a runtime that is gone is installed again');
});

test('a failed installation shows what npm said and the way out, and is tried again', async () => {
  await using folder = await temporaryFolder();
  const run = await projectWith(folder.path, { npm: brokenNpm });
  for (let round = 0; round < 2; round++) {
    const { code, output } = run('setup.js');
    assert.equal(code, 1);
    assert.match(output, /npm ci failed\.\nnpm error code ECONNREFUSED\nCheck the connection to the package registry/);
  }
});

test('a runtime that npm installed but did not link is linked', async () => {
  await using folder = await temporaryFolder();
  const program = `node_modules/node-${process.platform}-${process.arch}/bin`;
  const run = await projectWith(folder.path, { npm: `mkdir -p ${program}; echo pinned > ${program}/node` });
  assert.equal(run('setup.js').code, 0);
  assert.equal(await readFile(join(folder.path, 'node_modules/.bin/node'), 'utf8'), 'pinned\n');
});

test('a platform without a pinned runtime is named', async () => {
  await using folder = await temporaryFolder();
  const run = await projectWith(folder.path, { npm: 'mkdir -p node_modules' });
  const { code, output } = run('setup.js');
  assert.equal(code, 1);
  assert.match(output, /there is no pinned Node runtime for \w+-\w+\.\nUse Linux or macOS/);
});

test("what tests need is found on PATH, installed from the system's packages, or named with the command", async () => {
  await using found = await temporaryFolder();
  const withAll = await projectWith(found.path, {
    npm: workingNpm,
    openssl: '',
    unshare: '',
    script: '',
    chromium: '',
    strace: '',
    'redis-server': '',
    promtool: '',
  });
  assert.equal(withAll('setup.js', '--tests').code, 0);

  await using installed = await temporaryFolder();
  const withApt = await projectWith(installed.path, {
    npm: workingNpm,
    'apt-get': `echo "$DEBIAN_FRONTEND $@" >> ${join(installed.path, 'calls')}; [ "$1" != download ] || touch $2_1.deb`,
    'dpkg-deb': 'mkdir -p $3/usr/bin; echo "from $2" > $3/usr/bin/promtool',
  });
  const { code: aptCode } = withApt('setup.js', '--tests');
  const calls = await readFile(join(installed.path, 'calls'), 'utf8');
  const expected =
    'noninteractive update\nnoninteractive install -y openssl util-linux bsdutils chromium strace redis-server\nnoninteractive download prometheus\n';
  // Only root may install; others are told the command, as below.
  const isRoot = process.getuid?.() === 0;
  assert.deepEqual([aptCode, calls.includes(expected)], isRoot ? [0, true] : [1, false]);
  // Of the server's package only the tool, and that is found from then on.
  const extracted = await readFile(join(installed.path, 'node_modules/.bin/promtool'), 'utf8').catch(() => undefined);
  assert.equal(extracted, isRoot ? 'from prometheus_1.deb\n' : undefined);

  await using named = await temporaryFolder();
  const without = await projectWith(named.path, { npm: workingNpm });
  const { code, output } = without('setup.js', '--tests');
  assert.equal(code, 1);
  assert.match(
    output,
    /this needs openssl .*, redis-server .*\nOn Debian: sudo sh -c 'apt-get update && apt-get install -y openssl util-linux bsdutils chromium strace redis-server prometheus'\n$/,
  );
});

test('the console is built when its sources have changed, and not when only its tests have', async () => {
  await using folder = await temporaryFolder();
  const vite = 'mkdir -p dist && echo page > dist/index.html && echo built >> ../../builds';
  const npm = `mkdir -p node_modules/.bin; printf '#!/bin/sh\\nPATH=/usr/bin:/bin\\n${vite}\\n' > node_modules/.bin/node; chmod +x node_modules/.bin/node`;
  const run = await projectWith(folder.path, { npm });
  const sources = join(folder.path, 'bff-web/console/src');
  await mkdir(sources, { recursive: true });
  await mkdir(join(folder.path, 'shared/src'), { recursive: true });
  const builds = async (): Promise<number> => {
    const { code, output } = run('setup.js');
    assert.equal(code, 0, output);
    return (await readFile(join(folder.path, 'builds'), 'utf8')).trim().split('\n').length;
  };
  assert.equal(await builds(), 1);
  assert.equal(await builds(), 1);
  await writeFile(join(sources, 'page.tsx'), 'a page');
  assert.equal(await builds(), 2);
  await writeFile(join(sources, 'page.test.ts'), 'a test');
  assert.equal(await builds(), 2);
  await writeFile(join(folder.path, 'shared/src/verifier.ts'), 'what it bundles');
  assert.equal(await builds(), 3);
  await rm(join(folder.path, 'bff-web/console/dist'), { recursive: true });
  assert.equal(await builds(), 4);
});

test('the command line says how to set up when nobody has', async () => {
  await using folder = await temporaryFolder();
  const run = await projectWith(folder.path, {});
  const { code, output } = run('grapevine.js', 'status');
  assert.equal(code, 1);
  assert.match(output, /^grapevine: not set up yet; run: node .*bin\/setup\.js\n$/);
});
