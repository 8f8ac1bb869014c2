import { announcedBytes, tooLarge } from '../limits/body-size.ts';
import type { Step } from '../request-context.ts';

/**
 * Refuses a body that is announced as larger than its route or else `maxBytes` allows, before any of it is taken. A chunked body announces nothing:
 * it is counted while it flows to the upstream.
 */
export function bodyLimit(maxBytes: number): Step {
  return (request, _response, next) => {
    const { context } = request;
    context.maxBodyBytes = context.route?.config.maxBodyBytes ?? maxBytes;
    if (announcedBytes(request) > context.maxBodyBytes) throw tooLarge(context.maxBodyBytes);
    next();
  };
}
