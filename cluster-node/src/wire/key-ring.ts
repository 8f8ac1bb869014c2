import { createHash, scrypt } from 'node:crypto';
import { toHex } from '@grapevine/shared/log/bytes.ts';

/** A key that all nodes of a cluster share. */
export interface ClusterKey {
  /** In every datagram, so that the opener knows which key to take: 8 hexadecimal digits. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** The keys of a cluster that are in force. `KeyRotation` says how they change. */
export interface KeyRing {
  readonly sealing: ClusterKey;
  /** Every key of the ring, the sealing one among them. */
  readonly opening: readonly ClusterKey[];
}

const keyBytes = 32;
/** Public and fixed: every node has to come to the same key from the passphrase alone. It keeps tables for other uses useless. */
const salt = 'grapevine-cluster-key-v1';
/** 32 MiB and about 0.1 s per key (RFC 7914): nothing at a start, dear to whoever guesses from a recorded datagram. */
const scryptCost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** The key behind a passphrase of the cluster key file. Takes about 0.1 s, off the main thread. */
export function clusterKeyOf(passphrase: string): Promise<ClusterKey> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, keyBytes, scryptCost, (error, secret) => {
      if (error === null) resolve(clusterKey(secret));
      else reject(error);
    });
  });
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
