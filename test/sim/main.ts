import { availableParallelism } from 'node:os';
import { type Command, help, readCommand } from './command/options.ts';
import { runMutants } from './command/run-mutants.ts';
import { runOne } from './command/run-one.ts';
import { runReport } from './command/run-report.ts';
import { runSweep } from './command/run-sweep.ts';

async function main(): Promise<number> {
  const command = commandOf(process.argv.slice(2));
  if (command === undefined) return 2;
  const interrupted = new AbortController();
  // What takes long says what it has found so far before it ends; a second Ctrl-C ends it at once, as it does all else.
  if (command.kind === 'sweep' || command.kind === 'mutants' || (command.kind === 'run' && command.shrinks)) {
    process.once('SIGINT', () => interrupted.abort());
  }
  const isWell = await run(command, interrupted.signal);
  if (interrupted.signal.aborted) return 130;
  return isWell ? 0 : 1;
}

async function run(command: Command, signal: AbortSignal): Promise<boolean> {
  switch (command.kind) {
    case 'help':
      console.log(help);
      return true;
    case 'run':
      return runOne(command, process.stderr, signal);
    case 'sweep':
      return runSweep(command, process.stderr, signal);
    case 'report':
      return runReport(command);
    case 'mutants':
      return runMutants(command, process.stderr, signal);
  }
}

function commandOf(args: readonly string[]): Command | undefined {
  try {
    return readCommand(args, availableParallelism());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error('See npm run sim -- --help');
    return undefined;
  }
}

process.exitCode = await main();
