import { z } from 'zod';
import { GrapevineError } from '../errors/grapevine-error.ts';

const pattern = /^[A-Za-z0-9._:/-]{1,200}$/;

/** Topic names: 1 to 200 characters of `A-Z a-z 0-9 . _ : / -`. */
export const topicNameSchema = z.string().regex(pattern, 'expected 1 to 200 characters of A-Z a-z 0-9 . _ : / -');

/** Returns `name` when it is allowed; throws `INVALID_TOPIC` otherwise. */
export function requireTopicName(name: string): string {
  if (pattern.test(name)) return name;
  const found = name.length > 200 ? `${name.length} characters` : JSON.stringify(name);
  throw new GrapevineError('INVALID_TOPIC', `Found ${found}; expected 1 to 200 characters of A-Z a-z 0-9 . _ : / -`);
}
