import type { ServerResponse } from 'node:http';
import type { EdgeRequest } from '../request-context.ts';
import type { Route } from '../routes/route.ts';
import { returnedHeaders } from '../upstreams/forwarded-headers.ts';
import { clientHas, notModifiedNames } from './conditions.ts';
import type { StoredAnswer } from './stored-answer.ts';

/** What can be said of an answer once and for all of its uses. */
interface Prepared {
  readonly route: Route;
  /** Headers for the client, names and values in turn. */
  readonly headers: readonly string[];
  /** Those of them that a 304 has. */
  readonly ofNotModified: readonly string[];
  readonly names: ReadonlySet<string>;
  /** A short body as text, one character for each byte: head and body then go out in one write. */
  readonly text: string | undefined;
}

const prepared = new WeakMap<StoredAnswer, Prepared>();
/** Up to here head and body go out as one text. */
const oneWriteBytes = 16 * 1024;
/** Made anew each time. */
const ownNames = new Set(['age', 'cache-status', 'content-length']);

/** Answers a GET or HEAD with what is kept, or with 304 if the client has that already. `cacheStatus` is ours of `Cache-Status`. */
export function deliverStored(
  stored: StoredAnswer,
  ageSeconds: number,
  cacheStatus: string,
  request: EdgeRequest,
  response: ServerResponse,
): void {
  const { context, headers, method } = request;
  const { route } = context;
  if (route === undefined) throw new Error('an answer is kept for a route');
  const ready = preparedFor(stored, route);
  const notModified = clientHas(headers, {
    status: stored.status,
    headers: stored.headers,
    dateMs: stored.terms.dateMs,
  });
  const list = (notModified ? ready.ofNotModified : ready.headers).slice();
  const { answerHeaders } = context;
  for (let index = 0; index < answerHeaders.length; index += 2) {
    const name = answerHeaders[index] ?? '';
    // Several lines of `Vary` add up.
    if (!ready.names.has(name) || name === 'vary') list.push(name, answerHeaders[index + 1] ?? '');
  }
  const before = stored.headers['cache-status'];
  list.push('age', String(Math.floor(ageSeconds)));
  list.push('cache-status', before === undefined ? cacheStatus : `${String(before)}, ${cacheStatus}`);
  if (!notModified && stored.status !== 204) list.push('content-length', String(stored.body.length));
  response.writeHead(notModified ? 304 : stored.status, list);
  if (notModified || method === 'HEAD' || stored.body.length === 0) response.end();
  else if (ready.text === undefined) response.end(stored.body);
  else response.end(ready.text, 'latin1');
}

function preparedFor(stored: StoredAnswer, route: Route): Prepared {
  const known = prepared.get(stored);
  if (known?.route === route) return known;
  const headers = withoutNames(returnedHeaders(stored.headers, [], route.answerRules), (name) => ownNames.has(name));
  const names = new Set(headers.filter((_, index) => index % 2 === 0));
  for (const name of route.answerRules?.dropped ?? []) names.add(name);
  const fresh = {
    route,
    headers,
    ofNotModified: withoutNames(headers, (name) => !notModifiedNames.has(name)),
    names,
    text: stored.body.length <= oneWriteBytes ? stored.body.toString('latin1') : undefined,
  };
  prepared.set(stored, fresh);
  return fresh;
}

function withoutNames(list: readonly string[], drops: (name: string) => boolean): string[] {
  return list.filter((_, index) => !drops(list[index - (index % 2)] ?? ''));
}
