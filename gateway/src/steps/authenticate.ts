import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { Step } from '../request-context.ts';
import { offeredBearer } from '../websocket/bearer-subprotocol.ts';

/** `Authorization: Bearer <token>` (RFC 6750 section 2.1); the scheme's case does not count (RFC 9110 section 11.1). */
const bearerPattern = /^bearer +([\w.~+/-]+=*)$/i;

/**
 * Establishes who is calling from a bearer token in the header, or from the one that a WebSocket offers as a subprotocol; a
 * token in the address would end up in logs and is not looked at. Public routes pass without one, and a token there counts for nothing.
 */
export function authenticate(tokens: TokenVerifier): Step {
  return async ({ context, headers }, _response, next) => {
    if (context.route?.access !== 'public') {
      try {
        const bearer = context.upgrade === undefined ? undefined : offeredBearer(headers);
        context.identity = await tokens.verify(bearer ?? bearerToken(headers.authorization));
      } catch (error) {
        context.answerHeader('www-authenticate', challenge(headers.authorization));
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
