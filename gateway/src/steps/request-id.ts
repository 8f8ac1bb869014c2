import { requestIdHeader, requestIdOf } from '@grapevine/shared/http/problem-handler.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { RequestHandler } from 'express';
import { addressOf } from '../limits/address-key.ts';
import { openContext } from '../request-context.ts';

const idBytes = 16;

/** Gives every request the id under which all processes log it: the client's own if it is well-formed, else a random one. */
export function requestId(random: Random): RequestHandler {
  return (request, response, next) => {
    const id = requestIdOf(request) ?? Buffer.from(random.bytes(idBytes)).toString('hex');
    request.headers[requestIdHeader] = id;
    response.setHeader(requestIdHeader, id);
    openContext(request, { requestId: id, address: addressOf(request.socket.remoteAddress) });
    next();
  };
}
