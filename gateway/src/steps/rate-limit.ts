import { rateKeyOf } from '../limits/address-key.ts';
import type { KeyedRateLimiter, RateVerdict } from '../limits/rate-limiter.ts';
import type { RequestContext, Step } from '../request-context.ts';

/** Before authentication, so that guessing tokens is limited too and costs us no signature checks. */
export function limitAddress(limiter: KeyedRateLimiter): Step {
  return async ({ context }, _response, next) => {
    const verdict = await limiter.charge(rateKeyOf(context.address));
    announce(context, limiter, verdict);
    if (!verdict.allowed) throw limiter.refusal('this address', verdict);
    next();
  };
}

/** After authorization: a principal is held to its rate wherever it calls from. */
export function limitPrincipal(limiter: KeyedRateLimiter): Step {
  return async ({ context }, _response, next) => {
    const { identity } = context;
    if (identity !== undefined) {
      const verdict = await limiter.charge(identity.subject);
      announce(context, limiter, verdict);
      if (!verdict.allowed) throw limiter.refusal('this principal', verdict);
    }
    next();
  };
}

/** draft-ietf-httpapi-ratelimit-headers: of two limits the narrower one, which is the principal's, is what counts. */
function announce(context: RequestContext, limiter: KeyedRateLimiter, verdict: RateVerdict): void {
  context.answerHeader('ratelimit-policy', limiter.policy);
  context.answerHeader('ratelimit', `"${limiter.name}";r=${verdict.remaining};t=${verdict.resetSeconds}`);
}
