import type { IncomingMessage, ServerResponse } from 'node:http';
import { GrapevineError, toGrapevineError } from '../errors/grapevine-error.ts';
import { problemHeaders, problemOf } from '../errors/problem.ts';

/** Carries a request's id from the edge down to the node; made by the gateway. */
export const requestIdHeader = 'x-request-id';

/** The id under which this request is logged everywhere, if the hop above gave one. */
export function requestIdOf(request: IncomingMessage): string | undefined {
  const value = request.headers[requestIdHeader];
  return typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value) ? value : undefined;
}

/**
 * Answers with the problem document of `thrown`; an answer that has already begun is cut off instead. `headers` go along:
 * names in lower case and values in turn.
 */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  thrown: unknown,
  headers: readonly string[] = [],
): void {
  const error = toGrapevineError(recognise(thrown));
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(problemOf(error, requestIdOf(request)));
  const own = { ...problemHeaders(error), 'content-length': String(Buffer.byteLength(body)) };
  // A list would take the place of headers that were set before.
  if (headers.length === 0) response.writeHead(error.status, own);
  else response.writeHead(error.status, [...headers, ...Object.entries(own).flat()]);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** What express and its body parser throw for a client's mistake, in our catalogue's terms. */
function recognise(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof GrapevineError) return thrown;
  const { type, status, encoding, limit } = thrown as Error & Readonly<Record<string, unknown>>;
  if (type === 'entity.too.large') {
    return new GrapevineError('PAYLOAD_TOO_LARGE', `The body is larger than ${String(limit)} bytes.`);
  }
  if (type === 'encoding.unsupported') {
    return new GrapevineError(
      'UNSUPPORTED_MEDIA_TYPE',
      `Expected a body without Content-Encoding, found ${String(encoding)}.`,
    );
  }
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new GrapevineError('BAD_REQUEST', `${thrown.message}.`);
  return thrown;
}
