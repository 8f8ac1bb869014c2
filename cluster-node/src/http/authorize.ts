import {
  type Identity,
  type IdentityVerifier,
  identityHeader,
  requireScope,
} from '@grapevine/shared/identity/identity.ts';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import type { Request, RequestHandler } from 'express';

const identities = new WeakMap<Request, Identity>();

/** Lets only requests pass whose identity header `verifier` accepts; others end as `UNAUTHENTICATED`. */
export function authenticate(verifier: IdentityVerifier): RequestHandler {
  return (request, _response, next) => {
    identities.set(request, verifier.verify(request.get(identityHeader)));
    next();
  };
}

/** Lets only callers with `scope` pass; others end as `FORBIDDEN`. Stands before a body is read. */
export function allow(scope: Scope): RequestHandler {
  return (request, _response, next) => {
    requireScope(identityOf(request), scope);
    next();
  };
}

/** Who is calling. Only behind `authenticate`. */
export function identityOf(request: Request): Identity {
  const identity = identities.get(request);
  if (identity === undefined) throw new RangeError('This route is not behind authentication.');
  return identity;
}
