/**
 * The same bytes as 32-bit words, for reading: copying a hash word by word takes a quarter of the time of byte by byte, and
 * less than making the two views that `TypedArray.set` needs. A copy when the bytes do not lie on a word boundary. The order
 * of bytes within a word is the machine's, so words mean nothing beyond being copied.
 */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, bytes.length / 4);
}
