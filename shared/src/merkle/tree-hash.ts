import { sha256 } from '@noble/hashes/sha2.js';

/** Bytes of one hash. */
export const hashLength = 32;

/**
 * The hashes of an RFC 6962 tree (section 2.1): leaves and inner nodes are told apart by a first byte, so that no inner
 * node can pass for a leaf. Injected, because the fastest way differs between Node and browsers.
 */
export interface TreeHash {
  /** SHA-256(0x00 ‖ data). */
  leaf(data: Uint8Array): Uint8Array;
  /** SHA-256(0x01 ‖ left ‖ right). */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
  /** `node` for each pair of an even number of hashes that stand one after the other; the results stand likewise. */
  parents(children: Uint8Array): Uint8Array;
}

/** Runs anywhere, browsers included. */
export const nobleTreeHash: TreeHash = {
  leaf(data) {
    return sha256.create().update(leafPrefix).update(data).digest();
  },
  node(left, right) {
    return sha256.create().update(nodePrefix).update(left).update(right).digest();
  },
  parents(children) {
    const parents = new Uint8Array(children.length / 2);
    for (let at = 0; at < parents.length; at += hashLength) {
      const pair = children.subarray(2 * at, 2 * (at + hashLength));
      parents.set(sha256.create().update(nodePrefix).update(pair).digest(), at);
    }
    return parents;
  },
};

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);
const rootOfNothing = sha256(new Uint8Array(0));

/** The root of a tree without leaves: SHA-256 of nothing. A new array each time, so that nobody can change it for others. */
export function emptyRoot(): Uint8Array {
  return rootOfNothing.slice();
}
