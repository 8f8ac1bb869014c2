import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { z } from 'zod';

/** The JSON in `text` by `schema`; throws `CONFIG_INVALID` naming `source` and what is wrong. `what` is such as `token keys`. */
export function readCredentials<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  what: string,
  source: string,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusableCredentials(what, source, error instanceof Error ? error.message : String(error));
  }
  return parseInput(schema, value, `Cannot use the ${what} in ${source}`, 'CONFIG_INVALID');
}

export function unusableCredentials(what: string, source: string, reason: string): GrapevineError {
  return new GrapevineError('CONFIG_INVALID', `Cannot use the ${what} in ${source}: ${reason}`);
}
