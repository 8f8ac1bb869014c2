import type { IncomingHttpHeaders } from 'node:http';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import type { ApiKeyVerifier } from '../auth/api-keys.ts';
import type { Credential, StreamWatch } from '../auth/stream-watch.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { Step } from '../request-context.ts';
import { offeredBearer } from '../websocket/bearer-subprotocol.ts';

/** What stands before a token (RFC 6750 section 2.1); the case of a scheme does not count (RFC 9110 section 11.1). */
const bearerPattern = /^bearer +/i;
const apiKeyPattern = /^apikey +(\S+)$/i;
const apiKeyHeader = 'x-api-key';

/**
 * Establishes who is calling from a bearer token or an API key in the headers, or from the token that a WebSocket offers as
 * a subprotocol; what stands in the address would end up in logs and is not looked at. Public routes pass without, and
 * credentials there count for nothing. A token that is known already passes at once. What becomes a stream is watched by `streams`.
 */
export function authenticate(tokens: TokenVerifier, apiKeys: ApiKeyVerifier, streams: StreamWatch): Step {
  return ({ context, headers }, _response, next) => {
    if (context.route?.isPublic === true) return next();
    const refuse = (error: unknown): never => {
      context.answerHeader('www-authenticate', challenge(headers));
      throw error;
    };
    const admit = (identity: Identity): void => {
      context.identity = identity;
      next();
    };
    const subprotocol = context.upgrade === undefined ? undefined : offeredBearer(headers);
    const offer = subprotocol === undefined ? offered(headers) : { token: subprotocol };
    if (offer instanceof GrapevineError) return refuse(offer);
    context.credential = offer;
    context.streams = streams;
    if ('apiKey' in offer) {
      try {
        context.apiKey = apiKeys.verify(offer.apiKey);
      } catch (error) {
        return refuse(error);
      }
      return admit(context.apiKey.identity);
    }
    const known = tokens.recall(offer.token);
    return known === undefined ? tokens.verify(offer.token).then(admit, refuse) : admit(known);
  };
}

/** The credentials in the headers, or what is wrong with them. Of two it would be in doubt who is calling. */
function offered(headers: IncomingHttpHeaders): Credential | GrapevineError {
  const { authorization, [apiKeyHeader]: apiKey } = headers;
  if (authorization !== undefined && apiKey !== undefined) return refusal('Send a token or an API key, not both.');
  if (apiKey !== undefined) return { apiKey: String(apiKey) };
  if (authorization === undefined) {
    return refusal('This needs a token in the header Authorization: Bearer <token>, or an API key in X-API-Key.');
  }
  const scheme = bearerPattern.exec(authorization)?.[0];
  if (scheme !== undefined) return { token: authorization.slice(scheme.length) };
  const inAuthorization = apiKeyPattern.exec(authorization)?.[1];
  if (inAuthorization !== undefined) return { apiKey: inAuthorization };
  return refusal('The Authorization header must read: Bearer <token>, or ApiKey <key>.');
}

function refusal(detail: string): GrapevineError {
  return new GrapevineError('UNAUTHENTICATED', detail);
}

/** RFC 6750 section 3: no error code for a caller that did not try to authenticate. */
function challenge({ authorization, [apiKeyHeader]: apiKey }: IncomingHttpHeaders): string {
  if (apiKey !== undefined || /^apikey /i.test(authorization ?? '')) return 'ApiKey realm="grapevine"';
  return authorization === undefined ? 'Bearer realm="grapevine"' : 'Bearer realm="grapevine", error="invalid_token"';
}
