import { z } from 'zod';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { expected } from './expected.ts';

const pattern = /^[A-Za-z0-9._:/-]{1,200}$/;

const allowed = '1 to 200 characters of A-Z a-z 0-9 . _ : / -';

/** Topic names: 1 to 200 characters of `A-Z a-z 0-9 . _ : / -`. */
export const topicNameSchema = z.string().regex(pattern, expected(allowed));

/** Returns `name` when it is allowed; throws `INVALID_TOPIC` otherwise. */
export function requireTopicName(name: string): string {
  if (pattern.test(name)) return name;
  const found = name.length > 200 ? `${name.length} characters` : JSON.stringify(name);
  throw new GrapevineError('INVALID_TOPIC', `Expected ${allowed}, found ${found}.`);
}
