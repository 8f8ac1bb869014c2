import type { z } from 'zod';
import type { ErrorCode } from '../errors/catalogue.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { wordsOf } from './issue-words.ts';

/** Problems that are listed before the rest is only counted. */
const shownProblems = 10;
/** Characters of an explanation: the names of a caller's unknown fields could make it as long as the request. */
const maxExplanation = 1_000;

/** Decodes untrusted input with `schema`; throws a `GrapevineError` that names every field that is wrong and what was expected. */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  what: string,
  code: ErrorCode | ((issues: readonly z.core.$ZodIssue[]) => ErrorCode) = 'INVALID_ARGUMENT',
): z.output<Schema> {
  const parsed = schema.safeParse(input, { error: wordsOf });
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  throw new GrapevineError(typeof code === 'string' ? code : code(issues), `${what}: ${describeIssues(issues)}.`);
}

/** One line for people: `messages.0.topic: expected 1 to 200 characters …; acks: …`. */
export function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const shown = issues.slice(0, shownProblems).map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  const hidden = issues.length - shown.length;
  return shown.join('; ').slice(0, maxExplanation) + (hidden > 0 ? `; and ${hidden} more` : '');
}
