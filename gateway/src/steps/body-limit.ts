import { announcedBytes, tooLarge } from '../limits/body-size.ts';
import type { Step } from '../request-context.ts';

/**
 * Refuses a body that is announced as larger than `maxBytes` before any of it is taken. A chunked body announces nothing:
 * it is counted while it flows to the upstream.
 */
export function bodyLimit(maxBytes: number): Step {
  return (request, _response, next) => {
    if (announcedBytes(request) > maxBytes) throw tooLarge(maxBytes);
    next();
  };
}
