import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';

/** Runs `read` over stored bytes; what does not decode there is `DATA_DAMAGED` and not the caller's fault. */
export function readStored<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw damaged(`${what}: ${error.message}`, error);
    throw error;
  }
}

export function damaged(message: string, cause?: unknown): GrapevineError {
  return new GrapevineError('DATA_DAMAGED', message, { cause });
}
