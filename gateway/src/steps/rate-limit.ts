import { rateKeyOf } from '../limits/address-key.ts';
import type { ApiKeyRates } from '../limits/api-key-rates.ts';
import type { KeyedRateLimiter, RateVerdict } from '../limits/rate-limiter.ts';
import type { RequestContext, Step } from '../request-context.ts';

/** Before authentication, so that guessing tokens is limited too and costs us no signature checks. */
export function limitAddress(limiter: KeyedRateLimiter): Step {
  return ({ context }, _response, next) =>
    chargeThen(limiter, rateKeyOf(context.address), 'this address', context, next);
}

/** After authorization: a principal is held to its rate wherever it calls from, an API key with a rate of its own to that. */
export function limitPrincipal(limiter: KeyedRateLimiter, apiKeyRates: ApiKeyRates): Step {
  return ({ context }, _response, next) => {
    const { identity, apiKey } = context;
    if (apiKey?.rate !== undefined) {
      return chargeThen(apiKeyRates.limiterOf(apiKey.rate), apiKey.id, 'this API key', context, next);
    }
    return identity === undefined ? next() : chargeThen(limiter, identity.subject, 'this principal', context, next);
  };
}

/** Goes on at once when the limiter knows at once. */
function chargeThen(
  limiter: KeyedRateLimiter,
  key: string,
  whose: string,
  context: RequestContext,
  next: () => void,
): void | Promise<void> {
  const settle = (verdict: RateVerdict): void => {
    announce(context, limiter, verdict);
    if (!verdict.allowed) throw limiter.refusal(whose, verdict);
    next();
  };
  const verdict = limiter.charge(key);
  return verdict instanceof Promise ? verdict.then(settle) : settle(verdict);
}

/** draft-ietf-httpapi-ratelimit-headers: of two limits the narrower one, which is the principal's, is what counts. */
function announce(context: RequestContext, limiter: KeyedRateLimiter, verdict: RateVerdict): void {
  context.answerHeader('ratelimit-policy', limiter.policy);
  context.answerHeader('ratelimit', `"${limiter.name}";r=${verdict.remaining};t=${verdict.resetSeconds}`);
}
