import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ByteWriter, toHex } from './bytes.ts';

/** What one origin's log was at one size. */
export interface Head {
  /** 32 hexadecimal digits. */
  readonly origin: string;
  /** Number of entries. */
  readonly size: number;
  /** RFC 6962 root over the ids of the first `size` entries, 32 bytes. */
  readonly root: Uint8Array;
  /** Clock value of the last entry; 0 when there is none. */
  readonly hlc: bigint;
}

/** A head with the origin's word for it. */
export interface SignedHead extends Head {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Ed25519 over `headBytes`, 64 bytes. */
  readonly signature: Uint8Array;
}

/** Whether a head was signed by the origin that it names. */
export interface HeadVerifier {
  /** Never throws: what cannot be checked is not valid. */
  verify(head: SignedHead): boolean;
}

/** Keeps a head's signature from meaning anything in another protocol, or in a later version of this one. */
const context = new TextEncoder().encode('grapevine-head-v1\0');
const headLength = context.length + 16 + 6 + 32 + 8;
export const originLength = 16;

/** The bytes that are signed: `"grapevine-head-v1\0"`, origin (16 bytes), size u48, root (32 bytes), hlc u64, all big-endian. */
export function headBytes(head: Head): Uint8Array {
  const writer = new ByteWriter(headLength, headLength);
  writer.bytes(context);
  writer.hex(head.origin);
  writer.u48(head.size);
  writer.bytes(head.root);
  writer.u64(head.hlc);
  if (writer.length !== headLength) throw new RangeError('Expected an origin of 16 bytes and a root of 32 bytes.');
  return writer.finish();
}

/** The name of the origin that holds `publicKey`: the first 16 bytes of the key's SHA-256, in hex. */
export function originIdOf(publicKey: Uint8Array, hash: (bytes: Uint8Array) => Uint8Array): string {
  return toHex(hash(publicKey).subarray(0, originLength));
}

/** Checks heads anywhere, browsers included; more than ten times slower than the one on node:crypto. */
export const nobleHeadVerifier: HeadVerifier = {
  verify(head) {
    try {
      if (originIdOf(head.publicKey, sha256) !== head.origin) return false;
      // zip215: false asks for the rules of RFC 8032, the nearest to what OpenSSL checks in the nodes.
      return ed25519.verify(head.signature, headBytes(head), head.publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
};
