import { sha256 } from '@noble/hashes/sha2.js';
import type { SignedHeadJson } from '../contracts/node-api.ts';
import { fromHex } from '../log/bytes.ts';
import { nobleHeadVerifier, originIdOf, type SignedHead } from '../log/head.ts';
import { hlcFromHex } from '../log/hlc.ts';
import { Refusal } from './refusal.ts';

/** A head from its schema-checked JSON form. */
export function signedHeadOf(json: SignedHeadJson): SignedHead {
  return {
    origin: json.origin,
    size: json.size,
    root: fromHex(json.root),
    hlc: hlcFromHex(json.hlc),
    publicKey: fromHex(json.publicKey),
    signature: fromHex(json.signature),
  };
}

/** Throws a `Refusal` unless the head's origin signed it; `name` tells heads apart in the reason. */
export function requireSigned(head: SignedHead, name: string): void {
  const owner = originIdOf(head.publicKey, sha256);
  if (owner !== head.origin) {
    throw new Refusal('public-key', `${name}: the public key belongs to origin ${owner}, expected ${head.origin}.`);
  }
  if (!nobleHeadVerifier.verify(head)) {
    throw new Refusal('signature', `${name}: the signature is not that of origin ${head.origin} over this head.`);
  }
}
