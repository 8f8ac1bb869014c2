import { isUtf8 } from 'node:buffer';
import { GrapevineError } from '../errors/grapevine-error.ts';

// One for all: to make it costs as much as to parse a small body.
const utf8 = new TextDecoder();

/**
 * The value in a body's bytes. Throws `INVALID_JSON` for what does not parse and for what is not UTF-8: malformed bytes
 * would otherwise be stored as other characters.
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new GrapevineError('INVALID_JSON', 'Expected a JSON body, found none.');
  if (!isUtf8(bytes)) throw new GrapevineError('INVALID_JSON', 'Expected UTF-8, found malformed bytes.');
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrapevineError('INVALID_JSON', `The body does not parse: ${reason}.`, { cause: error });
  }
}

/** Throws `UNSUPPORTED_MEDIA_TYPE` unless a request with this `Content-Type` says that its body is JSON. */
export function requireJson(contentType: string | undefined): void {
  const [found = ''] = (contentType ?? '').split(';');
  if (found.trim().toLowerCase() === 'application/json') return;
  throw new GrapevineError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Expected the content type application/json, found ${found.trim() === '' ? 'none' : found.trim()}.`,
  );
}
