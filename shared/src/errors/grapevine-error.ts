import { catalogue, type ErrorCode } from './catalogue.ts';

export interface ErrorOptions {
  /** Whole seconds until trying again makes sense; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Further members for the problem document. Never secrets: they go to the client. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error class whose message may be shown to a client. Everything else becomes `INTERNAL` at the edge of a process. */
export class GrapevineError extends Error {
  override readonly name = 'GrapevineError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extensions = options.extensions ?? {};
  }

  get status(): number {
    return catalogue[this.code].status;
  }
}

/** Turns whatever was thrown into a `GrapevineError`; the cause of an unexpected one stays inside for the log. */
export function toGrapevineError(thrown: unknown): GrapevineError {
  if (thrown instanceof GrapevineError) return thrown;
  return new GrapevineError('INTERNAL', 'An unexpected error happened; the log has it under the request id.', {
    cause: thrown,
  });
}
