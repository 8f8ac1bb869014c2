import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { requireScope } from '@grapevine/shared/identity/identity.ts';
import type { RequestHandler } from 'express';
import { contextOf } from '../request-context.ts';
import { scopeFor } from '../routes/route-table.ts';

/** Lets a caller pass whose token carries the scope that the route asks for this method. */
export function authorize(): RequestHandler {
  return (request, response, next) => {
    const { route, identity } = contextOf(request);
    if (route?.access === 'public') {
      next();
      return;
    }
    if (route === undefined || identity === undefined) {
      throw new GrapevineError('UNAUTHENTICATED', 'This needs a token in the header Authorization: Bearer <token>.');
    }
    const scope = scopeFor(route.access, request.method);
    if (!identity.scopes.includes(scope)) response.setHeader('www-authenticate', challenge(scope));
    requireScope(identity, scope);
    next();
  };
}

/** RFC 6750 section 3.1. */
function challenge(scope: string): string {
  return `Bearer realm="grapevine", error="insufficient_scope", scope="${scope}"`;
}
