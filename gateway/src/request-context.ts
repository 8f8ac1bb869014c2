import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import type { Route } from './routes/route-table.ts';

/** What the steps learn about one request, each adding its part. */
export interface RequestContext {
  readonly requestId: string;
  /** Address of the peer's socket, IPv4-mapped IPv6 written as IPv4. */
  readonly address: string;
  route?: Route;
  identity?: Identity;
  /** Base URL of the upstream instance that got the request. */
  upstream?: string;
  /** Code of the problem that the gateway itself answered with. */
  refusal?: ErrorCode;
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();

/** Called once, by the first step. */
export function openContext(request: IncomingMessage, context: RequestContext): void {
  contexts.set(request, context);
}

/** The context of a request that has passed the first step. */
export function contextOf(request: IncomingMessage): RequestContext {
  const context = contexts.get(request);
  if (context === undefined) throw new Error('this request has not passed the first step');
  return context;
}

/** The context, or `undefined` for a request that never reached the first step. */
export function findContext(request: IncomingMessage): RequestContext | undefined {
  return contexts.get(request);
}
