import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { problemHeaders, problemOf } from '@grapevine/shared/errors/problem.ts';
import type { Logger } from 'pino';
import type { EdgeResponse } from './edge-app.ts';
import { endGently } from './linger.ts';
import type { EdgeRequest } from './request-context.ts';
import type { InTurn } from './steps/in-turn.ts';

/** All header lines of one request together; Node's own default, stated because the error names it. */
export const maxHeaderBytes = 16 * 1024;

/** The server that clients reach. */
export type EdgeServer = Server<typeof EdgeRequest, typeof EdgeResponse>;

/**
 * Answers what never becomes a request or breaks off inside one, which Node reports past the steps: broken syntax, headers
 * that are too large, senders that are too slow, tunnels. The client gets a problem document and the
 * connection is closed; where an answer is already under way, it is cut.
 */
export function answerProtocolErrors(server: EdgeServer, turns: InTurn, log: Logger): void {
  const refused = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The parser complains again about every byte that comes while the answer is on its way.
    if (refused.has(socket)) return;
    refused.add(socket);
    const problem = recognise(error);
    const inside = turns.latest(socket);
    if (inside !== undefined) inside.request.context.refusal = problem.code;
    const answering = inside !== undefined && (!inside.begun || inside.response.headersSent);
    log.debug({ code: problem.code, reason: error.code }, 'a connection broke the protocol');
    if (answering || !socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, problem);
  });
  server.on('connect', (_request, socket) => {
    refuse(socket, new GrapevineError('METHOD_NOT_ALLOWED', 'The gateway is no tunnel: CONNECT is not supported.'));
  });
}

function recognise(error: NodeJS.ErrnoException): GrapevineError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new GrapevineError('HEADERS_TOO_LARGE', `The headers are larger than ${maxHeaderBytes} bytes.`);
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new GrapevineError('PAYLOAD_TOO_LARGE', 'The extensions of the chunked body are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GrapevineError('REQUEST_TIMEOUT', 'The request did not arrive completely within the time allowed.');
    default:
      return new GrapevineError('BAD_REQUEST', 'This is not a well-formed HTTP/1.1 request.');
  }
}

/** Writes a whole answer to a socket that has no response object, and closes it. */
function refuse(socket: Duplex, error: GrapevineError): void {
  const body = JSON.stringify(problemOf(error));
  const headers = { ...problemHeaders(error), 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  endGently(socket, `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${lines.join('')}\r\n${body}`);
}
