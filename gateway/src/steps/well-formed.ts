import type { IncomingMessage } from 'node:http';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Step } from '../request-context.ts';

/** Header lines of one request. Browsers send about 20. Far below the 2,000 beyond which Node silently drops some. */
const maxHeaderLines = 100;
/** Headers of which two would let the gateway and a service behind it each believe another one. */
const onlyOnce = ['host', 'authorization'];
const hostPattern = /^[A-Za-z0-9.\-_:[\]]{1,255}$/;

/**
 * Refuses what HTTP allows a parser to take in several ways: repeated or odd `Host` (RFC 9112 section 3.2), repeated
 * `Authorization`, transfer codings other than `chunked`. The parser itself has refused broken syntax, conflicting lengths
 * and a length next to a transfer coding. The connection closes: where such a request ends is in doubt, and so is
 * everything that follows on it (RFC 9112 section 6.3).
 */
export function wellFormed(): Step {
  return (request, response, next) => {
    try {
      checkHeaderLines(request);
      checkHost(request);
      checkTransferCoding(request);
    } catch (error) {
      response.shouldKeepAlive = false;
      throw error;
    }
    next();
  };
}

function checkHost({ headers: { host }, httpVersion }: IncomingMessage): void {
  if (host === undefined ? httpVersion === '1.0' : hostPattern.test(host)) return;
  throw new GrapevineError('BAD_REQUEST', 'The Host header is missing or is not a host name with an optional port.');
}

function checkTransferCoding({ headers }: IncomingMessage): void {
  const coding = headers['transfer-encoding'];
  if (coding === undefined || coding.toLowerCase() === 'chunked') return;
  throw new GrapevineError('BAD_REQUEST', 'The only transfer coding that is taken is chunked.');
}

/** How many lines have this name. */
function linesOf(name: string, rawHeaders: readonly string[]): number {
  let lines = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const found = rawHeaders[index] ?? '';
    if (found.length === name.length && found.toLowerCase() === name) lines++;
  }
  return lines;
}

function checkHeaderLines(request: IncomingMessage): void {
  const { rawHeaders } = request;
  if (rawHeaders.length > 2 * maxHeaderLines) {
    throw new GrapevineError(
      'HEADERS_TOO_LARGE',
      `Found ${rawHeaders.length / 2} header lines; expected at most ${maxHeaderLines}.`,
    );
  }
  for (const name of onlyOnce) {
    if (linesOf(name, rawHeaders) > 1) {
      throw new GrapevineError('BAD_REQUEST', `The header ${name} appears more than once.`);
    }
  }
}
