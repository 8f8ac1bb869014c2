import { gatewayCacheHeader } from '@grapevine/shared/http/gateway-cache.ts';
import type { Request, Response } from 'express';
import { consistencyHeader } from './contract/requests.ts';

/**
 * What is said to the gateway alone, which has checked every caller's scope before it looks into its cache. Whoever may read
 * messages reads the same ones, so that answers are for all of them; any other cache is told that they are private.
 */

/** For so long an answer may stand in while this service cannot be asked, in seconds. */
const standInSeconds = 60;
/** A message never changes, only retention erases it; for so long in seconds it may still be read after. */
const messageSeconds = 10;

/** Pages are checked each time: what somebody has published they want to see. */
export function sharePage(request: Request, response: Response): void {
  // With a token the caller waits for a state of its own; to keep the answer for others would be of no use to them.
  if (request.get(consistencyHeader) !== undefined) return;
  response.set(gatewayCacheHeader, `public, max-age=0, stale-if-error=${standInSeconds}`);
}

export function shareMessage(response: Response): void {
  response.set(gatewayCacheHeader, `public, max-age=${messageSeconds}, stale-if-error=${standInSeconds}`);
}
