import { z } from 'zod';
import { expected } from './expected.ts';

/** A whole number from `min` to `max` in decimal digits, as queries carry it: at most 15, which stay below 2^53. */
export function wholeNumber(min: number, max: number) {
  const words = expected(`a whole number from ${min} to ${max}`);
  return z
    .string(words)
    .regex(/^\d{1,15}$/, words)
    .transform(Number)
    .refine((value) => value >= min && value <= max, words)
    .meta({ type: 'integer', minimum: min, maximum: max });
}
