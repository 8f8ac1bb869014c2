import type { RequestHandler } from 'express';

/**
 * Headers for every answer: no guessing of content types, no framing, no addresses given to other sites. An upstream that
 * sets one of them itself is right about its own page. What a page may load is up to the service that serves it.
 */
export function securityHeaders(): RequestHandler {
  return (_request, response, next) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('x-frame-options', 'DENY');
    response.setHeader('referrer-policy', 'no-referrer');
    response.setHeader('cross-origin-resource-policy', 'same-origin');
    next();
  };
}
