import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GrapevineError } from '../errors/grapevine-error.ts';

/**
 * What a key derived from a passphrase file is for. One file can serve several purposes: their keys say nothing about
 * each other. `edge-identity` vouches from the gateway to the BFFs, `node-identity` from the BFFs to the nodes.
 */
export type KeyPurpose = 'edge-identity' | 'node-identity';

/** HKDF adds no entropy and no work, so the file must hold a long random text and not something that people remember. */
const minPassphraseLength = 32;
/** Far above any sensible passphrase; a larger file is a wrong path in the configuration. */
const maxPassphraseLength = 4_096;
const keyBytes = 32;

/**
 * Reads a passphrase file and derives 32 key bytes for `purpose` by HKDF-SHA256 (RFC 5869; no salt, info = purpose).
 * The passphrase is the first line that is not blank; a cluster's key file may hold retired ones below it. Throws
 * `CONFIG_INVALID` when the file cannot be read or that line has fewer than 32 or more than 4,096 characters.
 */
export function readKeyFile(path: string, purpose: KeyPurpose): Uint8Array {
  const passphrase = readText(path).trim().split('\n', 1).join('').trim();
  if (passphrase.length < minPassphraseLength || passphrase.length > maxPassphraseLength) {
    throw new GrapevineError(
      'CONFIG_INVALID',
      `The key file ${path} has ${passphrase.length} characters on its first line; expected ${minPassphraseLength} to ${maxPassphraseLength} random ones.`,
    );
  }
  return new Uint8Array(hkdfSync('sha256', passphrase, '', `grapevine ${purpose}`, keyBytes));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrapevineError('CONFIG_INVALID', `Cannot read the key file ${path}: ${reason}`, { cause: error });
  }
}
