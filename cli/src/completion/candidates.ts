import type { Command, Option } from 'commander';

/** What may come at the cursor. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** Where the cursor is among the words of a command line. */
export interface Position {
  readonly command: Command;
  /** The option whose value is being typed. */
  readonly option: Option | undefined;
  /** How many arguments stand before. */
  readonly argumentsBefore: number;
}

/**
 * Finds the place of the last of `words`, which may be empty or half a word. `words` are what stands after the program's name.
 */
export function positionIn(program: Command, words: readonly string[]): Position {
  let command = program;
  let option: Option | undefined;
  let argumentsBefore = 0;
  for (const word of words.slice(0, -1)) {
    if (option !== undefined) {
      option = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const named = command.options.find(({ long, short }) => word === long || word === short);
      if (named?.required === true) option = named;
      continue;
    }
    const below = command.commands.find((one) => one.name() === word);
    if (below === undefined) argumentsBefore++;
    else command = below;
  }
  return { command, option, argumentsBefore };
}

/** Commands, options and values at `position` that begin with `start`. Nothing where a file or a free text is expected. */
export function candidatesAt({ command, option }: Position, start: string): Candidate[] {
  const all =
    option !== undefined
      ? (option.argChoices ?? []).map((word) => ({ word, description: '' }))
      : start.startsWith('-')
        ? optionsOf(command)
        : command.createHelp().visibleCommands(command).map(commandCandidate);
  return all.filter(({ word }) => word.startsWith(start));
}

function optionsOf(command: Command): Candidate[] {
  const help = command.createHelp();
  return help.visibleOptions(command).flatMap((option) => {
    const word = option.long ?? option.short;
    return word === undefined ? [] : [{ word, description: help.optionDescription(option) }];
  });
}

function commandCandidate(command: Command): Candidate {
  return { word: command.name(), description: command.description() };
}
