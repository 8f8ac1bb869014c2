import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { requireScope } from '@grapevine/shared/identity/identity.ts';
import type { Step } from '../request-context.ts';

/** Lets a caller pass whose token carries the scope that the route asks for this method. */
export function authorize(): Step {
  return ({ context, method }, _response, next) => {
    const { route, identity } = context;
    if (route === undefined) throw new Error('scopes are those of a route');
    const scope = route.scopeFor(method);
    if (scope === undefined) return next();
    if (identity === undefined) {
      throw new GrapevineError('UNAUTHENTICATED', 'This needs a token in the header Authorization: Bearer <token>.');
    }
    if (!identity.scopes.includes(scope)) context.answerHeader('www-authenticate', challenge(scope));
    requireScope(identity, scope);
    next();
  };
}

/** RFC 6750 section 3.1. */
function challenge(scope: string): string {
  return `Bearer realm="grapevine", error="insufficient_scope", scope="${scope}"`;
}
