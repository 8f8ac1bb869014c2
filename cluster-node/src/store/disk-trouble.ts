import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** No room: on the device, for this user, or for a file of this size. */
const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** LMDB gives the system's numbers, or its words. */
const fullNumbers = new Set([28, 122, 27]);
const fullWords = /no space left|quota exceeded|file too large/i;

/** What a failed write to the store means for whoever wanted it, with the way out. */
export function diskTrouble(cause: unknown): GrapevineError {
  if (cause instanceof GrapevineError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return isFull(cause, reason)
    ? new GrapevineError('DISK_FULL', `The store takes no writes until there is room: ${reason}`, options(cause))
    : new GrapevineError('DISK_FAILED', `The store takes no writes since one failed: ${reason}`, options(cause));
}

/** Why a node cannot start: what it had to do in its data folder, such as `lock …`, and what came of it. */
export function unusable(what: string, cause: unknown): GrapevineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GrapevineError(isFull(cause, reason) ? 'DISK_FULL' : 'DATA_DIR_UNUSABLE', `Cannot ${what}: ${reason}`, {
    cause,
  });
}

/** Whether the system refused something, and not a defect of ours showed itself. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function isFull(cause: unknown, reason: string): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (typeof code === 'string' && fullCodes.has(code)) return true;
  return (typeof code === 'number' && fullNumbers.has(code)) || fullWords.test(reason);
}

function options(cause: unknown): { cause: unknown; retryAfterSeconds: number } {
  return { cause, retryAfterSeconds: 1 };
}
