import { readFileSync } from 'node:fs';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type KeyRing, keyRingFromPassphrases } from '../wire/key-ring.ts';

/** Reads the cluster key file. Throws `CONFIG_INVALID` when it cannot be read or does not hold a ring's passphrases. */
export function readKeyRing(path: string): KeyRing {
  return keyRingFromPassphrases(readText(path), `The key file ${path}`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrapevineError('CONFIG_INVALID', `Cannot read the key file ${path}: ${reason}`, { cause: error });
  }
}
