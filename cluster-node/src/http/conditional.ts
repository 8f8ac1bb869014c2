import type { Request, Response } from 'express';

/**
 * Sets the entity tag and answers 304 when the client has that version already (RFC 9110 section 13.1.2). Answers whether
 * it did. Ask before building the answer: that is the work that is saved.
 */
export function isUnchanged(request: Request, response: Response, etag: string): boolean {
  response.set('etag', etag);
  if (!matches(request.get('if-none-match'), etag)) return false;
  response.status(304).end();
  return true;
}

/**
 * Compares weakly. Express's own check is of no use here: it takes `Cache-Control: no-cache`, which `fetch` adds to every
 * conditional request and which speaks to caches only, for a wish to get the whole answer. Our tags contain no commas.
 */
function matches(condition: string | undefined, etag: string): boolean {
  if (condition === undefined) return false;
  const tags = condition.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag.replace(/^W\//, ''));
}
