import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { RequestHandler } from 'express';

/**
 * Bytes of request bodies in memory at once, by what the requests say of themselves: twice the default queue, and a dozen of
 * the largest requests. They are as long there as it takes to read and to answer them, and parsed they are larger.
 */
const maxBytes = 64 * 1024 * 1024;

/**
 * Lets a request in while all bodies together stay within bounds, and ends others as `OVERLOADED` before anything of theirs is
 * read. One that does not say how long it is counts as `largestBytes`, the most that is read of any.
 */
export function admitBodies(largestBytes: number): RequestHandler {
  let open = 0;
  return (request, response, next) => {
    const length = Number(request.get('content-length') ?? largestBytes);
    // What is too long is refused, unread, by whoever would read it.
    const bytes = Math.min(length, largestBytes);
    if (open + bytes > maxBytes) {
      const detail = `Found ${open} bytes of requests under way; expected room for ${bytes} more below ${maxBytes}.`;
      throw new GrapevineError('OVERLOADED', detail, { retryAfterSeconds: 1 });
    }
    open += bytes;
    response.once('close', () => {
      open -= bytes;
    });
    next();
  };
}
