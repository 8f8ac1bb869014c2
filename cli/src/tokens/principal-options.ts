import { isScope, type Scope, scopes } from '@grapevine/shared/identity/scopes.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** Whom a credential stands for, and what it allows. */
export interface PrincipalOptions {
  readonly scope: readonly Scope[];
  readonly subject: string;
}

export function addPrincipalOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--scope <scopes>', `what it allows: some of ${scopes.join(', ')}`)
        .argParser(parseScopeList)
        .default(['messages:read', 'messages:write'], 'messages:read messages:write'),
    )
    .option('--subject <name>', 'principal; becomes the author of what it publishes', parseSubject, 'cli');
}

function parseScopeList(text: string): Scope[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError(`Expected at least one of ${scopes.join(', ')}.`);
  return names.map((name) => {
    if (isScope(name)) return name;
    throw new InvalidArgumentError(`There is no scope ${name}; expected some of ${scopes.join(', ')}.`);
  });
}

/** As the identity header takes it: 1 to 256 characters. */
function parseSubject(text: string): string {
  if (text.length >= 1 && text.length <= 256) return text;
  throw new InvalidArgumentError('Expected 1 to 256 characters.');
}
