import type { ServerResponse } from 'node:http';
import type { EdgeRequest } from '../request-context.ts';
import type { Answer, AnswerReader, AnswerStream } from './answer.ts';
import { explainFailure, isEventStream } from './attempt.ts';
import { returnedHeaders } from './forwarded-headers.ts';

/** Up to here head and body go out as one text: copying the bytes costs less than a second buffer to write. */
const oneWriteBytes = 16 * 1024;

/** Gives an upstream's answer to the client. Throws when it has a head that HTTP does not allow, before anything is written. */
export function deliverAnswer(answer: Answer, request: EdgeRequest, response: ServerResponse): void {
  const { status, body } = answer;
  // A length of nothing is forbidden where there can be no body (RFC 9110 section 8.6).
  const received = status === 204 ? { ...answer.headers, 'content-length': undefined } : answer.headers;
  const headers = returnedHeaders(received, request.context.answerHeaders);
  if (!Buffer.isBuffer(body)) {
    writeHead(response, status, headers);
    if (isEventStream(answer.headers)) request.context.goodbye = () => response.end();
    deliverStream(body, response);
    return;
  }
  if (status !== 204 && status !== 304 && request.method !== 'HEAD' && answer.headers['content-length'] === undefined) {
    headers.push('content-length', String(body.length));
  }
  writeHead(response, status, headers);
  if (body.length === 0) response.end();
  else if (body.length <= oneWriteBytes) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

function writeHead(response: ServerResponse, status: number, headers: string[]): void {
  try {
    response.writeHead(status, headers);
  } catch (error) {
    throw explainFailure(error as Error);
  }
}

function deliverStream(body: AnswerStream, response: ServerResponse): void {
  let written = false;
  const reader: AnswerReader = {
    write: (chunk) => {
      written = true;
      return response.write(chunk);
    },
    end: () => response.end(),
    cut: () => response.destroy(),
  };
  response.on('drain', () => body.resume());
  body.flowTo(reader);
  // The head of a stream must not wait for its first part.
  if (!written) response.flushHeaders();
}
