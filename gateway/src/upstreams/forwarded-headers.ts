import type { IncomingHttpHeaders } from 'node:http';
import { costHeader } from '@grapevine/shared/http/cost-header.ts';
import { gatewayCacheHeader } from '@grapevine/shared/http/gateway-cache.ts';
import { requestIdHeader } from '@grapevine/shared/http/problem-handler.ts';
import { timeLeftHeader } from '@grapevine/shared/http/time-left.ts';
import { identityHeader } from '@grapevine/shared/identity/identity.ts';
import type { RequestContext } from '../request-context.ts';
import type { HeaderRules } from '../routes/route.ts';
import { withoutBearer } from '../websocket/bearer-subprotocol.ts';

/**
 * Belong to one connection (RFC 9110 section 7.6.1) or to the framing of the body, which whoever sends the request makes
 * anew; or have done their work here.
 */
const notForwarded = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'sec-websocket-protocol',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-api-key',
  'x-real-ip',
  'x-client-ip',
  'x-request-id',
  'traceparent',
  'tracestate',
  identityHeader,
  timeLeftHeader,
]);
/**
 * By which some frameworks take another address or method than those of the request: routes and scopes were found by the
 * request's own, and answers are kept under them.
 */
const overrides = [
  'x-host',
  'x-original-host',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
];
const forgeablePrefixes = ['proxy-', 'x-forwarded-'];

/**
 * Belong to the connection between the gateway and the upstream, tell strangers what runs behind, or say which pages may read
 * the answer, which is decided here.
 */
const notReturned = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'connection',
  gatewayCacheHeader,
  costHeader,
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

/** Names that were looked at, and what became of them. Clients repeat the same few, and checking one costs several scans. */
const passes = new Map<string, boolean>();
/** Names that are remembered, so that a client who makes up new ones cannot fill the memory. */
const maxKnownNames = 1_000;

/**
 * The headers that go to an upstream, names and values in turn: the client's without those of the connection, without
 * those it named in `Connection`, without those that say who is calling or from where; and with what the gateway itself
 * knows, and what the route says. `identity` is the signed header; without one the upstream sees a caller that nobody vouches for.
 */
export function forwardedHeaders(
  headers: IncomingHttpHeaders,
  context: RequestContext,
  identity: string | undefined,
): string[] {
  const forwarded: string[] = [];
  const rules = context.route?.requestRules;
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    if (isForwarded(name) && !named.includes(name) && rules?.dropped.has(name) !== true) {
      append(forwarded, name, headers[name]);
    }
  }
  if (rules !== undefined) forwarded.push(...rules.set);
  append(forwarded, 'sec-websocket-protocol', withoutBearer(headers['sec-websocket-protocol']));
  // How long the body is must survive whatever `Connection` named: without it the upstream would take it for a request.
  append(forwarded, 'content-length', headers['content-length']);
  const { traceparent } = headers as { readonly traceparent?: string };
  if (traceparent !== undefined && traceparentPattern.test(traceparent)) {
    forwarded.push('traceparent', traceparent);
    append(forwarded, 'tracestate', headers['tracestate']);
  }
  forwarded.push(requestIdHeader, context.requestId, 'x-forwarded-for', context.address);
  forwarded.push('x-forwarded-proto', context.scheme);
  append(forwarded, 'x-forwarded-host', headers.host);
  append(forwarded, identityHeader, identity);
  return forwarded;
}

/**
 * The headers of an upstream's answer that go to the client, names and values in turn, with `ours` where the upstream
 * does not say it itself, and what the route says.
 */
export function returnedHeaders(headers: IncomingHttpHeaders, ours: readonly string[], rules?: HeaderRules): string[] {
  const returned: string[] = [];
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    if (!notReturned.has(name) && !named.includes(name) && rules?.dropped.has(name) !== true) {
      append(returned, name, headers[name]);
    }
  }
  for (let index = 0; index < ours.length; index += 2) {
    const [name = '', value] = [ours[index], ours[index + 1]];
    // Several lines of `Vary` add up.
    const isMissing = headers[name] === undefined || notReturned.has(name) || name === 'vary';
    if (isMissing && rules?.dropped.has(name) !== true) append(returned, name, value);
  }
  if (rules !== undefined) returned.push(...rules.set);
  return returned;
}

function append(list: string[], name: string, value: string | readonly string[] | undefined): void {
  if (typeof value === 'string') list.push(name, value);
  else if (value !== undefined) for (const one of value) list.push(name, one);
}

function isForwarded(name: string): boolean {
  const known = passes.get(name);
  if (known !== undefined) return known;
  // Names with an underscore go too: some servers read `grapevine_identity` as `grapevine-identity`.
  const forged = name.includes('_') || forgeablePrefixes.some((prefix) => name.startsWith(prefix));
  const forwarded = !notForwarded.has(name) && !overrides.includes(name) && !forged;
  if (passes.size < maxKnownNames) passes.set(name, forwarded);
  return forwarded;
}

function namedByConnection(connection: string | undefined): readonly string[] {
  if (connection === undefined || connection === 'keep-alive') return [];
  return connection.split(',').map((name) => name.trim().toLowerCase());
}
