import type { Request, Response } from 'express';

/**
 * Sets the entity tag and answers 304 when the client has that version already (RFC 9110 section 13.1.2). Answers whether
 * it did. Ask before building the answer: that is the work that is saved.
 */
export function isUnchanged(request: Request, response: Response, etag: string): boolean {
  response.set('etag', etag);
  if (!request.fresh) return false;
  response.status(304).end();
  return true;
}
