import type { ExchangeOptions } from './exchange.ts';
import { NeverSent } from './failures.ts';
import { StreamedBody } from './request-body.ts';

/** Methods whose effect is the same however often they are done (RFC 9110 section 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** Statuses that speak of the instance and not of the request. */
const passing = new Set([502, 503, 504]);

/** Whether to do it again, and where: another instance, or the same one as well. */
export type Again = 'no' | 'elsewhere' | 'anywhere';

/**
 * Whether a request that failed like this may be tried again. What never reached an instance may; else only what has the
 * same effect twice, by its method or because it carries an `Idempotency-Key`. A body that flowed through is gone.
 */
export function againAfter(
  outcome: { readonly error: unknown } | { readonly status: number },
  options: ExchangeOptions,
): Again {
  if (options.body instanceof StreamedBody) return 'no';
  if ('error' in outcome && outcome.error instanceof NeverSent) return outcome.error.again;
  if (!isRepeatable(options)) return 'no';
  if ('status' in outcome) return passing.has(outcome.status) ? 'elsewhere' : 'no';
  const { code } = outcome.error as { readonly code?: unknown };
  // A connection that broke says little about the process behind it; silence does.
  if (code === 'UPSTREAM_FAILED') return 'anywhere';
  return code === 'UPSTREAM_TIMEOUT' ? 'elsewhere' : 'no';
}

export function isRepeatable({ method, headers }: ExchangeOptions): boolean {
  return idempotent.has(method) || headers.includes('idempotency-key');
}
