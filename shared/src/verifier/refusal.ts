import type { z } from 'zod';
import { DecodeError } from '../log/decode-error.ts';

/** The step of a verification that failed, in the order in which they are taken. */
export type Step = 'document' | 'id' | 'entry' | 'position' | 'path' | 'public-key' | 'signature';

/** What does not prove, and why. */
export interface Refused {
  readonly valid: false;
  readonly step: Step;
  /** What was found and what was expected, for a person. */
  readonly reason: string;
}

/** Ends a verification. Stays inside this folder: callers get `Refused` values. */
export class Refusal extends Error {
  readonly step: Step;

  constructor(step: Step, reason: string) {
    super(reason);
    this.step = step;
  }
}

/** Runs a verification whose steps throw a `Refusal`; anything else that is thrown is a defect of ours and passes. */
export function refusable<T extends { readonly valid: true }>(verification: () => T): T | Refused {
  try {
    return verification();
  } catch (error) {
    if (error instanceof Refusal) return { valid: false, step: error.step, reason: error.message };
    throw error;
  }
}

/** `document` as `schema` says, or a refusal that names its first wrong field. */
export function requireDocument<T>(schema: z.ZodType<T>, document: unknown): T {
  const { data, error } = schema.safeParse(document);
  if (error === undefined) return data;
  const [issue] = error.issues;
  const field = issue?.path.join('.') || 'the document';
  throw new Refusal('document', `${field}: ${issue?.message ?? 'not what was expected'}.`);
}

/** What `decode` returns; bytes that it refuses end the verification at `step`. */
export function decoded<T>(step: Step, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError || error instanceof SyntaxError) throw new Refusal(step, error.message);
    throw error;
  }
}
