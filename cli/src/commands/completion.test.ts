import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { runCommand } from './command.fixture.ts';

const entry = resolve(import.meta.dirname, '../../../bin/grapevine.js');

async function wordsAfter(...words: readonly string[]): Promise<string[]> {
  const { code, stdout } = await runCommand(['complete', '--', ...words]);
  assert.equal(code, 0);
  return stdout.split('\n').flatMap((line) => line.split('\t')[0] || []);
}

test('commands, options and values that may come at the cursor', async () => {
  assert.deepEqual(await wordsAfter('st'), ['status']);
  assert.deepEqual(await wordsAfter('config', ''), ['check', 'schema', 'help']);
  assert.deepEqual(await wordsAfter('status', '--w'), ['--watch']);
  assert.deepEqual(await wordsAfter('token', '--subject', 'ada', '--al'), ['--alg']);
  assert.deepEqual(await wordsAfter('token', '--alg', ''), ['EdDSA', 'HS256']);
  assert.deepEqual(await wordsAfter('completion', 'z'), ['zsh']);
  const all = await wordsAfter('');
  assert.ok(all.includes('publish') && !all.includes('complete'), `${all}`);
});

test('free texts and files are left to the shell', async () => {
  for (const words of [
    ['publish', ''],
    ['publish', 'topic', ''],
    ['status', '--url', ''],
    ['up', '--config', 'st'],
  ]) {
    assert.deepEqual(await wordsAfter(...words), [], words.join(' '));
  }
});

test('names of nodes are those of the local cluster', async () => {
  await using folder = await temporaryFolder();
  const http = 'http://127.0.0.1:1';
  const processes = ['node-1', 'node-2'].map((name) => ({ name, pid: 1, http, udp: '127.0.0.1:2' }));
  const tokens = { web: '', mobile: '', operator: '' };
  const content = {
    gateway: http,
    admin: http,
    console: http,
    tokens,
    processes: [...processes, { name: 'gateway', pid: 1, http }],
  };
  await writeFile(join(folder.path, 'cluster.json'), JSON.stringify(content));
  const env = { GRAPEVINE_DATA_DIR: folder.path };
  const { stdout } = await runCommand(['complete', '--', 'compare', 'node-1', ''], { env });
  assert.equal(stdout, 'node-1\t\nnode-2\t\n');
});

test('bash completes a command at Tab, on a terminal', async () => {
  await using folder = await temporaryFolder();
  await symlink(entry, join(folder.path, 'grapevine'));
  const bash = 'bash --noprofile --norc -i';
  const terminal = spawn('script', ['--quiet', '--return', '--command', bash, '/dev/null'], {
    env: { ...process.env, PATH: `${folder.path}${delimiter}${process.env['PATH']}`, TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  terminal.stdin.end(
    'source <(grapevine completion bash)\ngrapevine verif\t--help\ngrapevine token --alg H\t--json\nexit\n',
  );
  const shown = await text(terminal.stdout);
  assert.match(shown, /^Usage: grapevine verify /m, shown);
  assert.match(shown, /grapevine token --alg HS256 --json/, shown);
});
