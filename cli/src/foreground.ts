import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { HostProcess, StopSignal } from './context.ts';

/**
 * Runs a program with this process's terminal until it ends; signals are passed on. Answers its exit code, or 128 plus the
 * number of the signal that killed it, as shells do.
 */
export async function runInForeground(host: HostProcess, args: readonly string[]): Promise<number> {
  const child = spawn(host.execPath, args, { stdio: 'inherit', env: host.env });
  const forward = (signal: StopSignal) => (): void => void child.kill(signal);
  const forwarders = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => [signal, forward(signal)] as const);
  for (const [signal, listener] of forwarders) host.on(signal, listener);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    for (const [signal, listener] of forwarders) host.off(signal, listener);
  }
}
