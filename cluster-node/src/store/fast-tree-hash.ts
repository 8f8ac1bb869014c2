/**
 * The tree hashes as fast as Node gives them. Measured per hash (Node 26.10, 65 bytes / 350 bytes): `crypto.hash` into a
 * latin1 string, and that into bytes, 0.30 / 0.55 µs; into a Buffer of its own 0.90 / 1.04; as-sha256 0.77 / 2.1
 * (WASM has no SHA instructions, and its four-fold batch takes 64 bytes, without RFC 6962's prefix); createHash
 * 1.25 / 1.6; @noble/hashes 1.3 / 2.5; OpenSSL's own function through node:ffi 0.65 (the call costs more than the hash).
 * Making a Buffer per hash costs more than hashing, so a run of hashes is collected in one string, which is then written into
 * memory that many runs share.
 */
import { createHash, hash } from 'node:crypto';
import { hashLength, type TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { wordsOf } from '@grapevine/shared/merkle/words.ts';

/** Stating the length spares Node a look at whether the algorithm needs one: a tenth of a short hash. */
const output = { outputEncoding: 'latin1', outputLength: hashLength } as const;

/** Longest leaf that is copied behind its prefix; beyond it the copy would cost more than createHash does. */
const copiedLeafBytes = 16_384;

const leafInput = Buffer.alloc(1 + copiedLeafBytes);

/** As much as Node's own pool for small buffers: who keeps one hash for long keeps so much alive. */
const sharedBytes = 65_536;
let shared = Buffer.allocUnsafeSlow(sharedBytes);
let used = 0;

/** The bytes behind a latin1 string. A plain array: to make a Buffer takes twice as long. */
function bytesOf(text: string): Uint8Array {
  const { length } = text;
  if (length > sharedBytes) return Buffer.from(text, 'latin1');
  if (used + length > sharedBytes) {
    shared = Buffer.allocUnsafeSlow(sharedBytes);
    used = 0;
  }
  shared.write(text, used, length, 'latin1');
  const bytes = new Uint8Array(shared.buffer, used, length);
  used += length;
  return bytes;
}

// The prefix stands at place 3 of its memory, so that what is behind it can be written as whole words.
const nodeMemory = new ArrayBuffer(4 + 2 * hashLength);
const nodeInput = new Uint8Array(nodeMemory, 3);
const childWords = new Uint32Array(nodeMemory, 4);
nodeInput[0] = 1;

export const fastTreeHash: TreeHash = {
  leaf(data) {
    if (data.length > copiedLeafBytes) {
      return createHash('sha256').update(leafInput.subarray(0, 1)).update(data).digest();
    }
    leafInput.set(data, 1);
    return bytesOf(hash('sha256', leafInput.subarray(0, 1 + data.length), output));
  },
  node(left, right) {
    nodeInput.set(left, 1);
    nodeInput.set(right, 1 + hashLength);
    return bytesOf(hash('sha256', nodeInput, output));
  },
  parents(children) {
    const words = wordsOf(children);
    let parents = '';
    for (let at = 0; at < words.length; at += childWords.length) {
      for (let i = 0; i < childWords.length; i++) childWords[i] = words[at + i] ?? 0;
      parents += hash('sha256', nodeInput, output);
    }
    return bytesOf(parents);
  },
};
