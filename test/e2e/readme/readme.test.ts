/** What the README tells its reader to type works, and prints what the README says. */
import assert from 'node:assert/strict';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { freeBasePort } from '../../fixtures/free-base-port.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { root } from '../../runner/test-files.ts';
import { until } from '../until.ts';
import { freshEnvironment, npmStart } from './npm-start.ts';
import { Shell } from './shell.ts';
import { masked, type Snippet, snippetsOf } from './snippets.ts';

const snippets = snippetsOf(await readFile(join(root, 'README.md'), 'utf8'));

test('the README has a tour with commands and their output', () => {
  assert.ok(snippets.length >= 6, `${snippets.length} blocks`);
  assert.ok(snippets.filter(({ output }) => output !== undefined).length >= 4);
});

test('npm start, the tour, a stop, and fsck', async () => {
  await using folder = await temporaryFolder();
  // Where the reader stands: the project's folder, except that the cluster's data is ours.
  const dataDir = join(folder.path, 'data');
  await mkdir(dataDir);
  await symlink(join(root, 'bin'), join(folder.path, 'bin'));
  const cluster = await npmStart('--base-port', `${await freeBasePort(3)}`, '--data-dir', dataDir);
  const shell = new Shell(folder.path, { ...freshEnvironment(), GRAPEVINE_DATA_DIR: dataDir });
  try {
    for (const snippet of snippets) await runSnippet(shell, snippet);
    // The tour has just killed a node: until it is back, status ends with 2.
    await until('replicas agree', async () => /^equal/.test(await shell.run('bin/grapevine.js status || true')));
    assert.equal(await cluster.stop('SIGTERM'), 0, 'npm start ends with 0');
    const verdicts = await shell.run('bin/grapevine.js fsck');
    assert.equal(verdicts.match(/: sound \(.*problems: 0\)/g)?.length, 3, verdicts);
  } finally {
    await shell.end();
    await cluster.stop('SIGTERM');
  }
});

async function runSnippet(shell: Shell, { commands, output }: Snippet): Promise<void> {
  const expected = output === undefined ? undefined : masked(output);
  const isAsShown = async (): Promise<boolean> => {
    const printed = masked(await shell.run(commands));
    if (expected !== undefined) assert.equal(printed, expected, commands);
    return true;
  };
  // Replicas may take a moment to agree; looking again changes nothing.
  if (/^bin\/grapevine\.js status$/.test(commands.trim())) await until('status is as shown', isAsShown);
  else await isAsShown();
}
