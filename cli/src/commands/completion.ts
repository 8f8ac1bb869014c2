import { Argument, type Command } from 'commander';
import { readClusterFile } from '../cluster-file.ts';
import { type Candidate, candidatesAt, positionIn } from '../completion/candidates.ts';
import { completionScripts, type Shell, shells } from '../completion/scripts.ts';
import type { Context } from '../context.ts';
import { dataDirOf } from '../target.ts';

/** Arguments that are names of nodes. */
const nodeArguments: ReadonlySet<string> = new Set(['a', 'b', 'node']);

export function addCompletion(program: Command, context: Context): void {
  program
    .command('completion')
    .description('Print a script that lets a shell complete commands and options.')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  grapevine completion bash > ~/.local/share/bash-completion/completions/grapevine
  source <(grapevine completion zsh)
  grapevine completion fish > ~/.config/fish/completions/grapevine.fish`,
    )
    .action((shell: Shell) => void context.stdout.write(completionScripts[shell]));
  program
    .command('complete', { hidden: true })
    .description(
      'What may come at the end of a command line, one a line, with a tab before its description. For the scripts.',
    )
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      const found = await complete(program, words, context);
      context.stdout.write(found.map(({ word, description }) => `${word}\t${description}\n`).join(''));
    });
}

async function complete(program: Command, words: readonly string[], context: Context): Promise<Candidate[]> {
  const position = positionIn(program, words);
  const start = words.at(-1) ?? '';
  const argument = position.command.registeredArguments[position.argumentsBefore];
  if (position.option !== undefined || start.startsWith('-') || argument === undefined) {
    return candidatesAt(position, start);
  }
  const names = nodeArguments.has(argument.name()) ? await localNodes(context) : (argument.argChoices ?? []);
  return names.filter((word) => word.startsWith(start)).map((word) => ({ word, description: '' }));
}

/** Nodes of the local cluster, if one runs. */
async function localNodes(context: Context): Promise<string[]> {
  const file = await readClusterFile(dataDirOf(context, {}));
  return file?.processes.flatMap(({ name, udp }) => (udp === undefined ? [] : [name])) ?? [];
}
