/**
 * A whole tree in the THEX-style form that older replication tools exchange as checkpoints (big-endian):
 *
 * ```
 * magic u32 = cdaace99 · node count i32 · then each node, breadth-first from the root, left before right:
 *   type u8 (0 leaf, 1 inner) · length i32 · signature
 * ```
 *
 * A leaf's signature is whatever identifies it. An inner node's is the Adler-32 of its children's signatures as a u64; with
 * one child it is that child's signature. The leaves determine every other byte, so decoding accepts exactly what encoding
 * produces. Adler-32 finds accidents, not forgeries: whoever needs proof compares RFC 6962 roots.
 */
import { ByteReader, ByteWriter, equalBytes, toHex } from '../log/bytes.ts';
import { DecodeError } from '../log/decode-error.ts';

const magic = 0xcdaace99;
const leafType = 0;
const innerType = 1;
const headerBytes = 8;
/** Type and length in front of each signature. */
const nodeHeaderBytes = 5;

/** Longest leaf signature, in bytes: a SHA-512 in hexadecimal digits has 128. */
export const maxSignatureBytes = 256;

/**
 * The serialized tree over leaf signatures of 1 to `maxSignatureBytes` bytes. Throws `RangeError` for other signatures and
 * for fewer than two, since the format has no smaller tree.
 */
export function serializeTree(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length < 2) throw new RangeError(`Expected two leaves or more, found ${leaves.length}.`);
  for (const { length } of leaves) {
    if (!isSignatureLength(length)) throw new RangeError(`Expected 1 to ${maxSignatureBytes} bytes, found ${length}.`);
  }
  const nodes = nodesOver(leaves);
  const bytes = nodes.reduce((sum, signature) => sum + nodeHeaderBytes + signature.length, headerBytes);
  const writer = new ByteWriter(bytes, bytes);
  writer.u32(magic);
  writer.u32(nodes.length);
  for (const [i, signature] of nodes.entries()) {
    writer.u8(i < nodes.length - leaves.length ? innerType : leafType);
    writer.u32(signature.length);
    writer.bytes(signature);
  }
  return writer.finish();
}

/** The leaf signatures of a serialized tree, as views of `bytes`; throws `DecodeError` for anything that `serializeTree` does not produce. */
export function deserializeTree(bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes);
  const start = reader.u32();
  if (start !== magic) throw new DecodeError(`Expected a tree that starts with cdaace99, found ${start.toString(16)}.`);
  const count = reader.u32();
  const nodes: Uint8Array[] = [];
  let inner = 0;
  while (nodes.length < count) {
    const type = reader.u8();
    if (type > innerType) throw new DecodeError(`Node ${nodes.length}: expected type 0 or 1, found ${type}.`);
    // All leaves are on one level, the lowest, since promotion gives even a lone one its inner nodes: they come last.
    if (type === innerType && inner < nodes.length)
      throw new DecodeError(`Node ${nodes.length}: inner node after a leaf.`);
    inner += type;
    nodes.push(readSignature(reader, nodes.length));
  }
  reader.end();
  const leaves = nodes.slice(inner);
  requireInner(nodes, leaves);
  return leaves;
}

function readSignature(reader: ByteReader, node: number): Uint8Array {
  const length = reader.u32();
  if (!isSignatureLength(length)) {
    throw new DecodeError(
      `Node ${node}: expected a signature of 1 to ${maxSignatureBytes} bytes, found ${length | 0}.`,
    );
  }
  return reader.bytes(length);
}

/** Throws unless `nodes` is the tree over `leaves`. */
function requireInner(nodes: readonly Uint8Array[], leaves: readonly Uint8Array[]): void {
  if (leaves.length < 2) throw new DecodeError(`Expected two leaves or more, found ${leaves.length}.`);
  const expected = nodesOver(leaves);
  if (expected.length !== nodes.length) {
    throw new DecodeError(`Expected ${expected.length} nodes over ${leaves.length} leaves, found ${nodes.length}.`);
  }
  for (const [i, signature] of expected.entries()) {
    const found = nodes[i];
    if (found === undefined || !equalBytes(found, signature)) {
      throw new DecodeError(`Node ${i}: expected signature ${toHex(signature)}, found ${found && toHex(found)}.`);
    }
  }
}

/** The signatures of all nodes over `leaves`, breadth-first from the root. */
function nodesOver(leaves: readonly Uint8Array[]): Uint8Array[] {
  const levels = [leaves];
  for (let level = leaves; level.length > 1; levels.push(level)) level = parentsOf(level);
  return levels.reverse().flat();
}

function parentsOf(children: readonly Uint8Array[]): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let i = 0; i < children.length; i += 2) {
    const [left, right] = children.slice(i, i + 2);
    if (left !== undefined) parents.push(right === undefined ? left : adler32(left, right));
  }
  return parents;
}

/** RFC 1950 section 8.2 over both signatures, as eight bytes of which the upper four are 0. */
function adler32(left: Uint8Array, right: Uint8Array): Uint8Array {
  let [a, b] = [1, 0];
  for (const signature of [left, right]) {
    for (const byte of signature) {
      a = (a + byte) % 65_521;
      b = (b + a) % 65_521;
    }
  }
  return Uint8Array.of(0, 0, 0, 0, b >>> 8, b, a >>> 8, a);
}

function isSignatureLength(length: number): boolean {
  return length >= 1 && length <= maxSignatureBytes;
}
