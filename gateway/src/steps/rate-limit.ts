import type { RequestHandler, Response } from 'express';
import { rateKeyOf } from '../limits/address-key.ts';
import type { KeyedRateLimiter, RateVerdict } from '../limits/rate-limiter.ts';
import { contextOf } from '../request-context.ts';

/** Before authentication, so that guessing tokens is limited too and costs us no signature checks. */
export function limitAddress(limiter: KeyedRateLimiter): RequestHandler {
  return async (request, response, next) => {
    const verdict = await limiter.charge(rateKeyOf(contextOf(request).address));
    announce(response, limiter, verdict);
    if (!verdict.allowed) throw limiter.refusal('this address', verdict);
    next();
  };
}

/** After authorization: a principal is held to its rate wherever it calls from. */
export function limitPrincipal(limiter: KeyedRateLimiter): RequestHandler {
  return async (request, response, next) => {
    const { identity } = contextOf(request);
    if (identity !== undefined) {
      const verdict = await limiter.charge(identity.subject);
      announce(response, limiter, verdict);
      if (!verdict.allowed) throw limiter.refusal('this principal', verdict);
    }
    next();
  };
}

/** draft-ietf-httpapi-ratelimit-headers: of two limits the narrower one, which is the principal's, is what counts. */
function announce(response: Response, limiter: KeyedRateLimiter, verdict: RateVerdict): void {
  response.setHeader('ratelimit-policy', limiter.policy);
  response.setHeader('ratelimit', `"${limiter.name}";r=${verdict.remaining};t=${verdict.resetSeconds}`);
}
