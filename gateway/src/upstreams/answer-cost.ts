import { costHeader } from '@grapevine/shared/http/cost-header.ts';
import type { RequestContext } from '../request-context.ts';
import type { Answer } from './answer.ts';

/** Charges the caller with what the upstream says that its request cost, if it says so. */
export async function chargeCost({ headers }: Answer, context: RequestContext): Promise<void> {
  const text = headers[costHeader];
  const cost = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0;
  context.cost = cost;
  if (cost > 0) await context.chargeCost?.(context, cost);
}
