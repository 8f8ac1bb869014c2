import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { problemHeaders, problemOf } from '@grapevine/shared/errors/problem.ts';
import type { Logger } from 'pino';
import { findContext } from './request-context.ts';

/** All header lines of one request together; Node's own default, stated because the error names it. */
export const maxHeaderBytes = 16 * 1024;
/** A refused connection is read for so long that the client gets to the answer; closed at once, unread bytes would reset it. */
const lingerMs = 1_000;

/** What is open on one connection; a client may send a request before the answer to the last one is complete. */
interface Connection {
  open: number;
  latest: { readonly request: IncomingMessage; readonly response: ServerResponse };
}

/**
 * Answers what never becomes a request or breaks off inside one, which Node reports past the steps: broken syntax, headers
 * that are too large, senders that are too slow, upgrades and tunnels. The client gets a problem document and the
 * connection is closed; where an answer is already under way, it is cut.
 */
export function answerProtocolErrors(server: Server, log: Logger): void {
  const connections = new WeakMap<Duplex, Connection>();
  server.prependListener('request', (request, response) => {
    const connection = connections.get(request.socket) ?? { open: 0, latest: { request, response } };
    connection.open++;
    connection.latest = { request, response };
    connections.set(request.socket, connection);
    response.once('close', () => connection.open--);
  });
  const refused = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The parser complains again about every byte that comes while the answer is on its way.
    if (refused.has(socket)) return;
    refused.add(socket);
    const problem = recognise(error);
    const connection = connections.get(socket);
    const inside = connection !== undefined && connection.open > 0 ? connection.latest : undefined;
    if (inside !== undefined) {
      const context = findContext(inside.request);
      if (context !== undefined) context.refusal = problem.code;
    }
    const answering = (connection?.open ?? 0) > 1 || inside?.response.headersSent === true;
    log.debug({ code: problem.code, reason: error.code }, 'a connection broke the protocol');
    if (answering || !socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, problem);
  });
  server.on('upgrade', (_request, socket) => {
    refuse(socket, new GrapevineError('UPGRADE_REFUSED', 'Nothing under this address takes a protocol upgrade.'));
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
  // The peer may be gone already; without a listener its reset would end the process.
  socket.on('error', () => socket.destroy());
  const linger = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(linger));
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${lines.join('')}\r\n${body}`);
  socket.resume();
}
