import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { Command, CommanderError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { CommandError } from './command-error.ts';
import { addApiKey } from './commands/api-key.ts';
import { addCompare } from './commands/compare.ts';
import { addCompletion } from './commands/completion.ts';
import { addConfig } from './commands/config.ts';
import { addFsck } from './commands/fsck.ts';
import { addPublish } from './commands/publish.ts';
import { addRepair } from './commands/repair.ts';
import { addServices } from './commands/services.ts';
import { addStatus } from './commands/status.ts';
import { addTail } from './commands/tail.ts';
import { addToken } from './commands/token.ts';
import { addUp } from './commands/up.ts';
import { addVerify } from './commands/verify.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOf } from './gateway-client.ts';
import { painter } from './terminal/paint.ts';
import { printable } from './terminal/printable.ts';

/** Runs the command that `args` name; errors are printed in one line. Answers the exit code. */
export async function runProgram(args: readonly string[], context: Context): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, context);
  }
}

/** Tells how a command that found what it was asked for ends, such as `status` on a forked cluster. */
export type SetExitCode = (code: number) => void;

function buildProgram(context: Context, setExitCode: SetExitCode): Command {
  const program = new Command('grapevine')
    .description('Publish anywhere, read anywhere, and prove that every replica tells the same story.')
    .version(manifest.version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'grapevine: ')),
      getOutHelpWidth: () => context.stdout.columns ?? 100,
      getErrHelpWidth: () => context.stderr.columns ?? 100,
      getOutHasColors: () => context.stdout.colour,
      getErrHasColors: () => context.stderr.colour,
    })
    .addHelpText(
      'after',
      `
Exit codes: ${exitCodes.ok} done · ${exitCodes.failed} failed, refused or damaged · ${exitCodes.unreachable} not reachable · ${exitCodes.usage} wrong usage
GRAPEVINE_URL and GRAPEVINE_TOKEN name another gateway than that of the local cluster; --json everywhere prints what a script can read.
Examples:
  grapevine up                        a cluster of three nodes on this machine
  grapevine publish hello 'Hi there'  one message through the local gateway
  grapevine status                    do the replicas agree?`,
    );
  program.commandsGroup('Run:');
  addUp(program, context);
  addServices(program, context, setExitCode);
  program.commandsGroup('Use:');
  addPublish(program, context);
  addTail(program, context);
  addToken(program, context);
  addApiKey(program, context);
  program.commandsGroup('Check:');
  addStatus(program, context, setExitCode);
  addCompare(program, context, setExitCode);
  addVerify(program, context, setExitCode);
  addFsck(program, context, setExitCode);
  addRepair(program, context, setExitCode);
  addConfig(program, context, setExitCode);
  program.commandsGroup('Shell:');
  addCompletion(program, context);
  return program;
}

function report(error: unknown, { stderr }: Context): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const { red } = painter(stderr);
  const print = (message: string): void => void stderr.write(`${red('grapevine:')} ${printable(message)}\n`);
  if (error instanceof CommandError) {
    print(error.message);
    return error.exitCode;
  }
  if (error instanceof GrapevineError) {
    print(`${error.message} [${error.code}]`);
    return exitCodeOf(error);
  }
  // A defect of ours: the stack is what helps.
  print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return exitCodes.failed;
}
