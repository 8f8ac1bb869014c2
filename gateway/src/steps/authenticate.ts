import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { Step } from '../request-context.ts';
import { offeredBearer } from '../websocket/bearer-subprotocol.ts';

/** `Authorization: Bearer <token>` (RFC 6750 section 2.1); the scheme's case does not count (RFC 9110 section 11.1). */
const bearerPattern = /^bearer +([\w.~+/-]+=*)$/i;

/**
 * Establishes who is calling from a bearer token in the header, or from the one that a WebSocket offers as a subprotocol; a
 * token in the address would end up in logs and is not looked at. Public routes pass without one, and a token there counts
 * for nothing. A token that is known already passes at once.
 */
export function authenticate(tokens: TokenVerifier): Step {
  return ({ context, headers }, _response, next) => {
    if (context.route?.access === 'public') return next();
    const refuse = (error: unknown): never => {
      context.answerHeader('www-authenticate', challenge(headers.authorization));
      throw error;
    };
    const admit = (identity: Identity): void => {
      context.identity = identity;
      next();
    };
    const offered = context.upgrade === undefined ? undefined : offeredBearer(headers);
    const token = offered ?? bearerToken(headers.authorization);
    if (token instanceof GrapevineError) return refuse(token);
    const known = tokens.recall(token);
    return known === undefined ? tokens.verify(token).then(admit, refuse) : admit(known);
  };
}

/** The token in the header, or what is wrong with the header. */
function bearerToken(authorization: string | undefined): string | GrapevineError {
  if (authorization === undefined) {
    return new GrapevineError('UNAUTHENTICATED', 'This needs a token in the header Authorization: Bearer <token>.');
  }
  const token = bearerPattern.exec(authorization)?.[1];
  return token ?? new GrapevineError('UNAUTHENTICATED', 'The Authorization header must read: Bearer <token>.');
}

/** RFC 6750 section 3: no error code for a caller that did not try to authenticate. */
function challenge(authorization: string | undefined): string {
  return authorization === undefined ? 'Bearer realm="grapevine"' : 'Bearer realm="grapevine", error="invalid_token"';
}
