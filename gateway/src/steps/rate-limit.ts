import { rateKeyOf } from '../limits/address-key.ts';
import type { ApiKeyRates } from '../limits/api-key-rates.ts';
import type { KeyedRateLimiter, RateVerdict } from '../limits/rate-limiter.ts';
import type { RequestContext, Step } from '../request-context.ts';
import type { Route } from '../routes/route.ts';

/** Before authentication, so that guessing tokens is limited too and costs us no signature checks. */
export function limitAddress(limiter: KeyedRateLimiter): Step {
  return ({ context }, _response, next) =>
    chargeThen(limiter, rateKeyOf(context.address), 'this address', context, next);
}

export interface PrincipalRates {
  readonly principal: KeyedRateLimiter;
  readonly apiKeys: ApiKeyRates;
  /** What an operation may cost to count as one request. */
  readonly costPerRequest: number;
}

/**
 * After authorization: a principal is held to its rate wherever it calls from, an API key with a rate of its own to that.
 * What the upstream then says that the request cost is charged to the same.
 */
export function limitPrincipal({ principal, apiKeys, costPerRequest }: PrincipalRates): Step {
  const limiterOf = ({ apiKey }: RequestContext): KeyedRateLimiter =>
    apiKey?.rate === undefined ? principal : apiKeys.limiterOf(apiKey.rate);
  const keyOf = ({ identity, apiKey }: RequestContext): string =>
    (apiKey?.rate === undefined ? identity?.subject : apiKey.id) ?? '';
  // One for all requests: with a function for each, garbage collection took a third of the time of a hit in the cache.
  const chargeCost = async (context: RequestContext, cost: number): Promise<void> => {
    const more = Math.ceil(cost / costPerRequest) - 1;
    if (more <= 0) return;
    const limiter = limiterOf(context);
    announce(context, limiter, await limiter.chargeMore(keyOf(context), more));
  };
  return ({ context }, _response, next) => {
    if (context.identity === undefined) return next();
    context.chargeCost = chargeCost;
    const whose = context.apiKey?.rate === undefined ? 'this principal' : 'this API key';
    return chargeThen(limiterOf(context), keyOf(context), whose, context, next);
  };
}

/** After both: routes that have a rate of their own hold each principal to it, or each address where nobody logs in. */
export function limitRoute(limiters: ReadonlyMap<Route, KeyedRateLimiter>): Step {
  return ({ context }, _response, next) => {
    const { route, identity, address } = context;
    const limiter = route === undefined ? undefined : limiters.get(route);
    if (limiter === undefined) return next();
    return chargeThen(limiter, identity?.subject ?? rateKeyOf(address), 'this caller on this route', context, next);
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

/** draft-ietf-httpapi-ratelimit-headers: of two limits the narrower one is what counts, and it comes later. */
function announce(context: RequestContext, limiter: KeyedRateLimiter, verdict: RateVerdict): void {
  context.answerHeader('ratelimit-policy', limiter.policy);
  context.answerHeader('ratelimit', `"${limiter.name}";r=${verdict.remaining};t=${verdict.resetSeconds}`);
}
