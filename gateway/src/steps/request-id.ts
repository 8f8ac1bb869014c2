import { requestIdHeader, requestIdOf } from '@grapevine/shared/http/problem-handler.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { addressOf } from '../limits/address-key.ts';
import type { Step } from '../request-context.ts';

const idBytes = 16;
/** Ids that one draw of random bytes is good for: asking the system for each would cost more than everything else here. */
const idsPerDraw = 256;

/** Gives every request the id under which all processes log it: the client's own if it is well-formed, else that of its trace, or a random one. */
export function requestId(random: Random): Step {
  let drawn = '';
  let at = 0;
  const freshId = (): string => {
    if (at === drawn.length) {
      drawn = Buffer.from(random.bytes(idBytes * idsPerDraw)).toString('hex');
      at = 0;
    }
    at += 2 * idBytes;
    return drawn.slice(at - 2 * idBytes, at);
  };
  return (request, _response, next) => {
    const { context } = request;
    context.requestId = requestIdOf(request) ?? context.traceId ?? freshId();
    context.address = addressOf(request.socket.remoteAddress);
    // Where everybody looks for it who has only the request.
    request.headers[requestIdHeader] = context.requestId;
    context.answerHeader(requestIdHeader, context.requestId);
    next();
  };
}
