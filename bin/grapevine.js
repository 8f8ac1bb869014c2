#!/usr/bin/env node
/**
 * Entry of the command line. Plain JavaScript: the Node that starts it may be any version, while everything behind it
 * needs the pinned one, which strips types. So it hands over to that one, unless it is already running in it.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
// Whole, not by name: Node 20, which may read this file first, has no such export.
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const runtime = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
const setup = fileURLToPath(new URL('setup.js', import.meta.url));

if (!existsSync(runtime)) {
  process.stderr.write(`grapevine: not set up yet; run: node ${setup}\n`);
  process.exitCode = 1;
} else if (realpathSync(process.execPath) === realpathSync(runtime)) {
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url)));
  await import('../cli/src/main.ts');
} else {
  handOver();
}

/** Runs the same command in the pinned runtime and ends as it ends. */
function handOver() {
  const child = spawn(runtime, process.argv.slice(1), { stdio: 'inherit' });
  // Ours to pass on: whoever signals this process means the one that does the work. A terminal signals both, and a
  // repeated signal does no harm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`grapevine: cannot run ${runtime}: ${error.message}; run: node ${setup}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
