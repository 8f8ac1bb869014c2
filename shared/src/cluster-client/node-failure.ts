/** A node gave no usable answer. Never shown to clients: `cluster-calls.ts` turns the last one into a `GrapevineError`. */
export class NodeFailure extends Error {
  override readonly name = 'NodeFailure';
  /** `refused`: no connection, so the request was certainly not seen. `timeout` and `broken` leave open what the node did. */
  readonly kind: 'refused' | 'timeout' | 'broken';

  constructor(kind: NodeFailure['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** Codes of Node and undici that come before the first byte of a request is sent. */
const beforeSending = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  // The node left the membership between being chosen and being called.
  'UND_ERR_CLOSED',
]);
const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** What a transport error means for the caller. */
export function failureOf(url: string, error: unknown): NodeFailure {
  if (error instanceof NodeFailure) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new NodeFailure(kindOf(error), `${url}: ${reason}`, error);
}

function kindOf(error: unknown): NodeFailure['kind'] {
  const code = codeOf(error);
  if (beforeSending.has(code)) return 'refused';
  if (timeouts.has(code)) return 'timeout';
  return 'broken';
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  // A host with several addresses fails with one error per address; not one of them got a connection.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return String((error as NodeJS.ErrnoException).code ?? '');
}
