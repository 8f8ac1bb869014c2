import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

function start(): ChildProcess {
  const program = new URL('./log-output.fixture.ts', import.meta.url);
  return spawn(process.execPath, [program.pathname], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
}

async function log(child: ChildProcess, count: number): Promise<void> {
  child.send(count);
  await once(child, 'message');
}

/** All that it writes until it ends. */
async function linesOf(child: ChildProcess): Promise<Record<string, unknown>[]> {
  let text = '';
  for await (const chunk of child.stdout ?? []) text += String(chunk);
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('every line arrives, in order, also those that were written just before the end', async () => {
  const child = start();
  const lines = linesOf(child);
  await log(child, 500);
  await log(child, 3);
  child.send(0);
  assert.deepEqual(
    (await lines).map(({ line }) => line),
    [...Array(500).keys(), 0, 1, 2],
  );
});

test('a process ends whose reader is gone', async () => {
  const child = start();
  await log(child, 1);
  child.stdout?.destroy();
  const exit = once(child, 'exit');
  for (let round = 0; round < 5; round++) await log(child, 100);
  child.send(0);
  assert.deepEqual(await exit, [0, null]);
});

test('a reader that does not read costs lines, and is told how many; the process goes on and ends', async () => {
  const child = start();
  // 40 MB, of which 8 may wait.
  for (let round = 0; round < 20; round++) await log(child, 2_000);
  const lines = linesOf(child);
  await log(child, 1);
  child.send(0);
  const found = await lines;
  const dropped = found.reduce((sum, line) => sum + Number(line['dropped'] ?? 0), 0);
  assert.ok(dropped > 0, 'nothing was dropped');
  assert.ok(found.filter((line) => line['line'] !== undefined).length + dropped <= 40_001);
});
