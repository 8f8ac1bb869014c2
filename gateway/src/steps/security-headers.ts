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

/** `hstsSeconds`: how long browsers are to come back by https only; 0 says nothing. */
export function securityHeaders(hstsSeconds: number): Step {
  const all = hstsSeconds === 0 ? headers : [...headers, 'strict-transport-security', `max-age=${hstsSeconds}`];
  return ({ context }, _response, next) => {
    context.answerHeaders.push(...all);
    next();
  };
}
