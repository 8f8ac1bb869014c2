import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Request } from 'express';
import { consistencyHeader, tokenHeaderSchema } from './contract/requests.ts';

/** The consistency token that an answer has to cover; undefined when any state will do. Throws `INVALID_ARGUMENT` for what is no token. */
export function requiredConsistency(request: Request): string | undefined {
  return parseInput(tokenHeaderSchema, request.get(consistencyHeader), consistencyHeader);
}
