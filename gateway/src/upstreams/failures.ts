import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Answer } from './answer.ts';

/** The client went away before there was an answer: says nothing about the upstream. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** The upstream answered with a server error. */
export class FaultyAnswer extends Error {
  override readonly name = 'FaultyAnswer';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`answered ${answer.status}`);
    this.answer = answer;
  }
}

/** Nothing of the request has reached an instance. */
export class NeverSent extends GrapevineError {
  /** Where it can be tried again. */
  readonly again: 'elsewhere' | 'anywhere';

  constructor(
    again: NeverSent['again'],
    code: 'UNAVAILABLE' | 'OVERLOADED',
    message: string,
    options: { readonly retryAfterSeconds: number; readonly cause?: unknown },
  ) {
    super(code, message, options);
    this.again = again;
  }
}

/** Errors of a connection that was never made: the request did not reach anybody. */
const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What a client is told of a failed exchange with an upstream. */
export function explainFailure(error: Error): GrapevineError {
  if (error instanceof GrapevineError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && unreachable.has(code)) {
    const message = 'The service behind the gateway cannot be reached.';
    return new NeverSent('anywhere', 'UNAVAILABLE', message, { retryAfterSeconds: 1, cause: error });
  }
  return new GrapevineError('UPSTREAM_FAILED', 'The service behind the gateway broke off before it answered.', {
    cause: error,
  });
}
