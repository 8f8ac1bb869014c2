/** The header by which clients read their own writes: in a request what all its reads must cover, in an answer what covers it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeToken, encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { readToken } from './schema/page-arguments.ts';

const consistencyHeader = 'grapevine-consistency';

/** What the answer has to cover; undefined when any state will do. Throws `INVALID_CURSOR` for what is no token. */
export function requiredConsistency({ headers }: IncomingMessage): string | undefined {
  const token = headers[consistencyHeader];
  return readToken(typeof token === 'string' ? token : undefined);
}

/** Has the answer tell one token that covers all that it was built from or has written. */
export function tokenReporter(response: ServerResponse): (token: string) => void {
  let sofar: string | undefined;
  return (token) => {
    sofar = sofar === undefined || sofar === token ? token : joined(sofar, token);
    if (!response.headersSent) response.setHeader(consistencyHeader, sofar);
  };
}

/** A token that covers what both cover. */
function joined(one: string, other: string): string {
  const vector = new Map(decodeToken(one));
  for (const [origin, size] of decodeToken(other)) vector.set(origin, Math.max(size, vector.get(origin) ?? 0));
  return encodeToken(vector);
}
