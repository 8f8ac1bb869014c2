import { hash } from 'node:crypto';
import type { HeadSigner } from '@grapevine/cluster-node/core/ports.ts';
import { nodeHeadVerifier, signerFromKey } from '@grapevine/cluster-node/store/ed25519.ts';
import { type HeadVerifier, headBytes, originIdOf } from '@grapevine/shared/log/head.ts';

/** How heads are signed in a simulation. */
export interface Signatures {
  readonly verifier: HeadVerifier;
  /** The key that follows from 32 bytes. */
  signer(secret: Uint8Array): HeadSigner;
}

/** As nodes really do it. */
export const ed25519Signatures: Signatures = { verifier: nodeHeadVerifier, signer: signerFromKey };

/**
 * Hashes in the place of signatures, a hundred times cheaper: whoever knows the public key could forge them, which nobody
 * in a simulation does. What was altered by a bit is refused all the same.
 */
export const cheapSignatures: Signatures = {
  verifier: {
    verify: (head) =>
      originIdOf(head.publicKey, sha256) === head.origin &&
      Buffer.compare(cheapSignature(head.publicKey, headBytes(head)), head.signature) === 0,
  },
  signer(secret) {
    const publicKey = sha256(secret);
    return {
      origin: originIdOf(publicKey, sha256),
      publicKey,
      sign: (bytes) => cheapSignature(publicKey, bytes),
    };
  },
};

function cheapSignature(publicKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  return hash('sha512', Buffer.concat([publicKey, bytes]), 'buffer');
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
