import { hkdfSync } from 'node:crypto';

/**
 * What a key derived from a passphrase is for. One file can serve several purposes: their keys say nothing about each
 * other. `edge-identity` vouches from the gateway to the BFFs, `node-identity` from the BFFs to the nodes.
 */
export type KeyPurpose = 'edge-identity' | 'node-identity';

/** The keys of identity headers, as they are in force whenever they are read. 32 bytes each. */
export interface IdentityKeys {
  /** New headers are signed with it. */
  readonly signing: Uint8Array;
  /** Those of others are accepted with any of them. */
  readonly verifying: readonly Uint8Array[];
}

const keyBytes = 32;

/** A key that never changes. */
export function fixedKey(key: Uint8Array): IdentityKeys {
  return { signing: key, verifying: [key] };
}

/** 32 key bytes for `purpose` by HKDF-SHA256 (RFC 5869; no salt, info = purpose). */
export function identityKeyOf(passphrase: string, purpose: KeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', passphrase, '', `grapevine ${purpose}`, keyBytes));
}
