import type { IdentitySigner } from '@grapevine/shared/identity/identity.ts';
import type { RequestHandler } from 'express';
import { contextOf } from '../request-context.ts';
import { forwardedHeaders } from '../upstreams/forwarded-headers.ts';
import type { UpstreamPool } from '../upstreams/upstream-pool.ts';

/** Picks an instance of the route's upstream and carries the request there, vouching for the caller. */
export function forward(upstreams: UpstreamPool, signer: IdentitySigner): RequestHandler {
  return async (request, response) => {
    const context = contextOf(request);
    if (context.route === undefined || !('upstream' in context.route.to)) throw new Error('forwarding needs a route');
    const instance = upstreams.pick(context.route.to.upstream);
    context.upstream = instance.url;
    const identity = context.identity === undefined ? undefined : signer.sign(context.identity);
    await instance.carry(request, response, forwardedHeaders(request, context, identity));
  };
}
