import { TLSSocket } from 'node:tls';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import {
  type Identity,
  type IdentityVerifier,
  identityHeader,
  requireScope,
} from '@grapevine/shared/identity/identity.ts';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import type { Request, RequestHandler } from 'express';

const identities = new WeakMap<Request, Identity>();

/**
 * Lets only requests pass whose identity header `verifier` accepts and, over TLS, whose caller has shown a certificate of
 * our authority; others end as `UNAUTHENTICATED`.
 */
export function authenticate(verifier: IdentityVerifier): RequestHandler {
  return (request, _response, next) => {
    if (request.socket instanceof TLSSocket && !request.socket.authorized) {
      throw new GrapevineError(
        'UNAUTHENTICATED',
        `This node serves only callers with a certificate of its authority; found ${certificateProblem(request.socket)}.`,
      );
    }
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

/** Node declares an error, but gives its code alone. */
function certificateProblem({ authorizationError }: TLSSocket): string {
  return `a certificate that is not (${String(authorizationError)})`;
}
