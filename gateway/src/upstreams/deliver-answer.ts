import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import type { EdgeRequest } from '../request-context.ts';
import { Tunnel } from '../websocket/tunnel.ts';
import type { Answer, AnswerStream } from './answer.ts';
import { isEventStream } from './attempt.ts';
import { ClientStream } from './client-stream.ts';
import { explainFailure } from './failures.ts';
import { returnedHeaders } from './forwarded-headers.ts';

/** Up to here head and body go out as one text: copying the bytes costs less than a second buffer to write. */
const oneWriteBytes = 16 * 1024;

/**
 * Gives an upstream's answer to the client. Throws when it has a head that HTTP does not allow, before anything is written.
 */
export function deliverAnswer(answer: Answer, request: EdgeRequest, response: ServerResponse): void {
  const { body } = answer;
  if (Buffer.isBuffer(body)) deliverWhole(answer, body, request, response);
  else if (body instanceof Duplex) openTunnel(answer, body, request, response);
  else deliverStream(answer, body, request, response);
}

/** Passes an interim answer on. HTTP/1.0 has none (RFC 9110 section 15.2). */
export function deliverInterim(
  status: number,
  headers: IncomingHttpHeaders,
  request: EdgeRequest,
  response: ServerResponse,
): void {
  if (request.httpVersionMinor > 0 && !response.headersSent) {
    response.writeInformation(status, returnedHeaders(headers, []));
  }
}

function deliverWhole(answer: Answer, body: Buffer, { context, method }: EdgeRequest, response: ServerResponse): void {
  const { status } = answer;
  // A length is forbidden where there can be no body (RFC 9110 section 8.6).
  const received = status === 204 ? { ...answer.headers, 'content-length': undefined } : answer.headers;
  const headers = returnedHeaders(received, context.answerHeaders, context.route?.answerRules);
  if (status !== 204 && status !== 304 && method !== 'HEAD' && received['content-length'] === undefined) {
    headers.push('content-length', String(body.length));
  }
  writeHead(response, status, headers);
  if (body.length === 0) response.end();
  else if (body.length <= oneWriteBytes) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

function deliverStream(answer: Answer, body: AnswerStream, { context }: EdgeRequest, response: ServerResponse): void {
  writeHead(
    response,
    answer.status,
    returnedHeaders(answer.headers, context.answerHeaders, context.route?.answerRules),
  );
  const stream = new ClientStream(body, response);
  if (isEventStream(answer.headers)) context.beginStream(() => stream.endEvents());
}

function openTunnel(answer: Answer, upstream: Duplex, request: EdgeRequest, response: ServerResponse): void {
  const { context } = request;
  const headers = returnedHeaders(answer.headers, context.answerHeaders, context.route?.answerRules);
  writeHead(response, answer.status, [...headers, 'connection', 'upgrade', 'upgrade', 'websocket']);
  response.flushHeaders();
  const tunnel = new Tunnel(request.socket, upstream);
  context.beginStream(() => tunnel.leave());
}

function writeHead(response: ServerResponse, status: number, headers: string[]): void {
  try {
    response.writeHead(status, headers);
  } catch (error) {
    throw explainFailure(error as Error);
  }
}
