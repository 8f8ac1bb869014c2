import type { Step } from '../request-context.ts';

/**
 * Headers for every answer: no guessing of content types, no framing, no addresses given to other sites. An upstream that
 * sets one of them itself is right about its own page. What a page may load is up to the service that serves it.
 */
const headers = [
  'x-content-type-options',
  'nosniff',
  'x-frame-options',
  'DENY',
  'referrer-policy',
  'no-referrer',
  'cross-origin-resource-policy',
  'same-origin',
];

export function securityHeaders(): Step {
  return ({ context }, _response, next) => {
    context.answerHeaders.push(...headers);
    next();
  };
}
