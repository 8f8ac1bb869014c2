import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { RequestHandler } from 'express';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import { contextOf } from '../request-context.ts';

/** `Authorization: Bearer <token>` (RFC 6750 section 2.1); the scheme's case does not count (RFC 9110 section 11.1). */
const bearerPattern = /^bearer +([\w.~+/-]+=*)$/i;

/**
 * Establishes who is calling from a bearer token in the header; a token in the address would end up in logs and is not
 * looked at. Public routes pass without one, and a token there counts for nothing.
 */
export function authenticate(tokens: TokenVerifier): RequestHandler {
  return async (request, response, next) => {
    const context = contextOf(request);
    if (context.route?.access !== 'public') {
      try {
        context.identity = await tokens.verify(bearerToken(request.headers.authorization));
      } catch (error) {
        response.setHeader('www-authenticate', challenge(request.headers.authorization));
        throw error;
      }
    }
    next();
  };
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw new GrapevineError('UNAUTHENTICATED', 'This needs a token in the header Authorization: Bearer <token>.');
  }
  const token = bearerPattern.exec(authorization)?.[1];
  if (token !== undefined) return token;
  throw new GrapevineError('UNAUTHENTICATED', 'The Authorization header must read: Bearer <token>.');
}

/** RFC 6750 section 3: no error code for a caller that did not try to authenticate. */
function challenge(authorization: string | undefined): string {
  return authorization === undefined ? 'Bearer realm="grapevine"' : 'Bearer realm="grapevine", error="invalid_token"';
}
