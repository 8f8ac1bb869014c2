import { isScope, type Scope, scopes } from '@grapevine/shared/identity/scopes.ts';
import { InvalidArgumentError } from 'commander';

export function parseScopeList(text: string): Scope[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  return names.map((name) => {
    if (isScope(name)) return name;
    throw new InvalidArgumentError(`There is no scope ${name}; expected some of ${scopes.join(', ')}.`);
  });
}

/** As the identity header takes it: 1 to 256 characters. */
export function parseSubject(text: string): string {
  if (text.length >= 1 && text.length <= 256) return text;
  throw new InvalidArgumentError('Expected 1 to 256 characters.');
}
