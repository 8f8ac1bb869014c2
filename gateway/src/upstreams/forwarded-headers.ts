import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { requestIdHeader } from '@grapevine/shared/http/problem-handler.ts';
import { identityHeader } from '@grapevine/shared/identity/identity.ts';
import type { RequestContext } from '../request-context.ts';

/** Belong to one connection (RFC 9110 section 7.6.1), or have done their work here. */
const notForwarded = new Set([
  'authorization',
  'connection',
  'expect',
  'forwarded',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-real-ip',
  'x-client-ip',
  identityHeader,
]);
const forgeablePrefixes = ['proxy-', 'x-forwarded-'];

/** Belong to the connection between the gateway and the upstream, or tell strangers what runs behind. */
const notReturned = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-powered-by',
]);

const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * The headers that go to an upstream: the client's without those of the connection, without those it named in
 * `Connection`, without those that say who is calling or from where; and with what the gateway itself knows. `identity`
 * is the signed header; without one the upstream sees a caller that nobody vouches for.
 */
export function forwardedHeaders(
  request: IncomingMessage,
  context: RequestContext,
  identity: string | undefined,
): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  const named = namedByConnection(request.headers.connection);
  for (const [name, value] of Object.entries(request.headers)) {
    if (!isOurs(name) && !named.includes(name)) headers[name] = value;
  }
  restoreFraming(headers, request.headers);
  if (!traceparentPattern.test(request.headers['traceparent'] as string)) {
    delete headers['traceparent'];
    delete headers['tracestate'];
  }
  headers[requestIdHeader] = context.requestId;
  headers['x-forwarded-for'] = context.address;
  headers['x-forwarded-proto'] = 'http';
  if (request.headers.host !== undefined) headers['x-forwarded-host'] = request.headers.host;
  if (identity !== undefined) headers[identityHeader] = identity;
  return headers;
}

/** The headers of an upstream's answer that go to the client. */
export function returnedHeaders(answer: IncomingMessage): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  const named = namedByConnection(answer.headers.connection);
  for (const [name, value] of Object.entries(answer.headers)) {
    if (!notReturned.has(name) && !named.includes(name)) headers[name] = value;
  }
  return headers;
}

/** Names with an underscore go too: some servers read `grapevine_identity` as `grapevine-identity`. */
function isOurs(name: string): boolean {
  return notForwarded.has(name) || name.includes('_') || forgeablePrefixes.some((prefix) => name.startsWith(prefix));
}

function namedByConnection(connection: string | undefined): readonly string[] {
  if (connection === undefined || connection === 'keep-alive') return [];
  return connection.split(',').map((name) => name.trim().toLowerCase());
}

/**
 * How long the body is must survive whatever `Connection` named: a body without a length would be read by the upstream as
 * the next request.
 */
function restoreFraming(headers: IncomingHttpHeaders, received: IncomingHttpHeaders): void {
  if (received['content-length'] !== undefined) headers['content-length'] = received['content-length'];
  if (received['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked';
}
