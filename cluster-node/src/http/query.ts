/** The query parameters that routes share. Each comes as text, at most once; what a route does not know it refuses. */
import { decodeToken, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import { decodeCursor, type TopicPosition } from '@grapevine/shared/contracts/cursor.ts';
import { expected } from '@grapevine/shared/contracts/expected.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { wholeNumber } from '@grapevine/shared/contracts/whole-number.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Request } from 'express';
import { z } from 'zod';

/** Sequence numbers and sizes take six bytes on disk and wire. */
export const sizeParameter = wholeNumber(0, 2 ** 48 - 1);
/** Milliseconds since 1970, as far as clocks go. */
export const timeParameter = wholeNumber(0, 2 ** 48 - 1);
export const limitParameter = wholeNumber(1, limits.pageSize).default(limits.defaultPageSize);
export const textParameter = z.string(expected('one value'));

/** How long a read waits for its consistency token unless it says so itself, in milliseconds: some gossip rounds. */
const defaultWaitMs = 1_000;

/** Parameters of every read that can be asked to cover a consistency token. */
export const consistencyParameters = {
  consistency: textParameter.optional(),
  waitMs: wholeNumber(0, limits.waitMs).default(defaultWaitMs),
};

/** The query of `request` by `schema`; throws `INVALID_ARGUMENT` naming every parameter that is wrong. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, request: Request): z.output<Schema> {
  return parseInput(schema, request.query, 'query');
}

export function optionalCursor(cursor: string | undefined): TopicPosition | undefined {
  return cursor === undefined ? undefined : decodeCursor(cursor);
}

export function optionalToken(token: string | undefined): Vector | undefined {
  return token === undefined ? undefined : decodeToken(token);
}
