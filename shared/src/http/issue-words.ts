import type { z } from 'zod';

type RawIssue = z.core.$ZodRawIssue;

/** What schemas call a type, as people do. */
const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  nonoptional: 'a value',
};

/** What lengths and sizes are counted in. */
const units: Readonly<Record<string, string>> = { string: ' character', array: ' item', set: ' item' };

/** Says of an issue what was expected and what was found, where the schema has no words of its own; undefined leaves it to zod. */
export function wordsOf(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}, found ${typeOf(issue.input)}`;
    case 'too_small':
      return `expected at least ${countOf(issue.minimum, issue.origin)}, found ${measureOf(issue.input)}`;
    case 'too_big':
      return `expected at most ${countOf(issue.maximum, issue.origin)}, found ${measureOf(issue.input)}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}, found ${JSON.stringify(issue.input)}`;
    case 'unrecognized_keys':
      return `expected no member called ${issue.keys.map((key) => JSON.stringify(key)).join(' or ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}

function countOf(count: number | bigint, origin: string): string {
  const unit = units[origin];
  return unit === undefined ? String(count) : `${count}${unit}${count === 1 ? '' : 's'}`;
}

function typeOf(input: unknown): string {
  if (input === undefined) return 'nothing';
  if (input === null || typeof input === 'number' || typeof input === 'boolean') return String(input);
  if (Array.isArray(input)) return 'a list';
  return typeof input === 'object' ? 'an object' : `a ${typeof input}`;
}

function measureOf(input: unknown): string {
  return typeof input === 'string' || Array.isArray(input) ? String(input.length) : String(input);
}
