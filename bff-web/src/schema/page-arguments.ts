import { fromBase64Url, toBase64Url } from '@grapevine/shared/contracts/base64url.ts';
import { decodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { decodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { topicNameSchema } from '@grapevine/shared/contracts/topic-name.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { readFilter } from './message-filter.ts';

type Optional<Value> = Value | null | undefined;

export interface PageArguments {
  readonly first?: Optional<number>;
  readonly after?: Optional<string>;
  readonly last?: Optional<number>;
  readonly before?: Optional<string>;
  readonly consistencyToken?: Optional<string>;
  readonly filter?: Parameters<typeof readFilter>[0];
}

export interface MessagePageRequest extends ReturnType<typeof readFilter> {
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  readonly after: string | undefined;
  readonly before: string | undefined;
  readonly consistency: string | undefined;
}

/** Reads a message connection's arguments; throws `INVALID_ARGUMENT` or `INVALID_CURSOR` for values that are not allowed. */
export function readMessagePage(args: PageArguments): MessagePageRequest {
  if (args.first != null && args.last != null) {
    throw new GrapevineError('INVALID_ARGUMENT', 'Give either first or last; found both.');
  }
  return {
    limit: args.last == null ? readSize('first', args.first) : readSize('last', args.last),
    direction: args.last == null ? 'forward' : 'backward',
    after: readCursor(args.after),
    before: readCursor(args.before),
    consistency: readToken(args.consistencyToken),
    ...readFilter(args.filter),
  };
}

export function readSize(name: 'first' | 'last', value: Optional<number>): number {
  const size = value ?? limits.defaultPageSize;
  if (size >= 1 && size <= limits.pageSize) return size;
  throw new GrapevineError('INVALID_ARGUMENT', `${name}: expected 1 to ${limits.pageSize}, found ${size}.`);
}

/** The token, checked; `undefined` for none. */
export function readToken(token: Optional<string>): string | undefined {
  if (token == null) return undefined;
  decodeToken(token);
  return token;
}

/** Topics are in the order of their names, so that a name is a place; encoded, so that clients do not build on that. */
export function topicCursor(name: string): string {
  return toBase64Url(new TextEncoder().encode(name));
}

export function readTopicCursor(cursor: Optional<string>): string | undefined {
  if (cursor == null) return undefined;
  const bytes = fromBase64Url(cursor);
  const name = topicNameSchema.safeParse(new TextDecoder().decode(bytes));
  if (bytes !== undefined && name.success) return name.data;
  throw new GrapevineError('INVALID_CURSOR', 'Expected a cursor exactly as it was received.');
}

function readCursor(cursor: Optional<string>): string | undefined {
  if (cursor == null) return undefined;
  decodeCursor(cursor);
  return cursor;
}
