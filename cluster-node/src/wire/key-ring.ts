import { createHash, scryptSync } from 'node:crypto';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';

/** A key that all nodes of a cluster share. */
export interface ClusterKey {
  /** In every datagram, so that the opener knows which key to take: 8 hexadecimal digits. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/**
 * The keys of a cluster. To change keys without a pause: add the new one as the second line on every node, then make it the
 * first line everywhere, then remove the old one; restart node by node after each step.
 */
export interface KeyRing {
  readonly sealing: ClusterKey;
  /** Every key of the ring, the sealing one first. */
  readonly opening: readonly ClusterKey[];
}

/** As in the other services that read key files: long enough that guessing is hopeless even if the work factor were nothing. */
const minPassphraseLength = 32;
const maxPassphraseLength = 4_096;
/** A rotation needs two, a botched one three. Each costs a scrypt at start. */
const maxKeys = 8;
const keyBytes = 32;
/** Public and fixed: every node has to come to the same key from the passphrase alone. It keeps tables for other uses useless. */
const salt = 'grapevine-cluster-key-v1';
/** 32 MiB and about 0.1 s per key (RFC 7914): nothing at a start, dear to whoever guesses from a recorded datagram. */
const scryptCost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/**
 * The ring behind the text of a cluster key file: one passphrase per line, the first one seals, all open. Takes about 0.1 s per
 * passphrase. `source` begins the messages of errors. Throws `CONFIG_INVALID` when there are no or too many lines, or a
 * passphrase is too short, too long or there twice.
 */
export function keyRingFromPassphrases(text: string, source: string): KeyRing {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length < 1 || lines.length > maxKeys) {
    throw invalid(`${source} holds ${lines.length} passphrases; expected 1 to ${maxKeys}, one per line.`);
  }
  if (new Set(lines).size < lines.length) throw invalid(`${source} holds a passphrase twice; expected each one once.`);
  lines.forEach((line, index) => {
    if (line.length >= minPassphraseLength && line.length <= maxPassphraseLength) return;
    throw invalid(
      `${source}: passphrase ${index + 1} has ${line.length} characters; expected ${minPassphraseLength} to ${maxPassphraseLength}.`,
    );
  });
  return keyRingOf(lines.map((line) => scryptSync(line, salt, keyBytes, scryptCost)));
}

/** A ring of keys that are already uniform, 32 bytes each; the first one seals. */
export function keyRingOf(secrets: readonly Uint8Array[]): KeyRing {
  const opening = secrets.map(clusterKey);
  const [sealing] = opening;
  if (sealing === undefined) throw new RangeError('Expected at least one key.');
  return { sealing, opening };
}

function clusterKey(secret: Uint8Array): ClusterKey {
  if (secret.length !== keyBytes) throw new RangeError(`Expected a key of ${keyBytes} bytes, found ${secret.length}.`);
  const digest = createHash('sha256').update('grapevine-key-id-v1').update(secret).digest();
  return { id: toHex(digest.subarray(0, 4)), secret };
}

function invalid(message: string): GrapevineError {
  return new GrapevineError('CONFIG_INVALID', message);
}
