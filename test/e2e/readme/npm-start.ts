import { spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { root } from '../../runner/test-files.ts';

/** The environment of a fresh terminal: nothing of the npm that runs the tests, nor the Node that it put on PATH. */
export function freshEnvironment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|GRAPEVINE_|INIT_CWD$)/.test(name));
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  return { ...Object.fromEntries(entries), PATH: path.join(':') };
}

export interface NpmStart {
  /** Sends npm a signal, and answers npm's exit code or the signal that ended it. */
  stop(signal: NodeJS.Signals): Promise<number | string>;
}

/** `npm start` with these flags, once its cluster is ready. */
export async function npmStart(...flags: string[]): Promise<NpmStart> {
  const child = spawn('npm', ['start', '--silent', '--', '--json', ...flags], {
    cwd: root,
    env: freshEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // However the test ends: npm passes the signal on, and the cluster stops.
  process.once('exit', () => child.kill('SIGTERM'));
  process.once('SIGTERM', () => process.exit(1));
  const errors = text(child.stderr);
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
  const ready = Promise.withResolvers<void>();
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('{"event":"ready"')) ready.resolve();
  });
  const failed = ended.then(async (ending): Promise<never> => {
    throw new Error(`npm start ended with ${ending}: ${await errors}`);
  });
  // Once it is ready, its end is what `stop` is for.
  failed.catch(() => {});
  await Promise.race([ready.promise, failed]);
  return {
    stop: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}
