/**
 * How the nodes of a tree lie on disk. Tile `(group, tile)` holds 64 neighbouring nodes of level `6·group` and their complete
 * ancestors below level `6·group + 6`, in the order in which they become complete: a tile only ever grows at its end, and
 * the number of its leaves determines its length. A full tile has 64+32+16+8+4+2 = 126 hashes: 4,032 bytes, one page.
 */
import { DecodeError } from '../log/decode-error.ts';
import { hashLength } from './tree-hash.ts';
import type { NodeReader } from './tree-reader.ts';
import { wordsOf } from './words.ts';

/** 32-bit words in one hash. */
const hashWords = hashLength / 4;
/** Levels in one tile. */
export const tileLevels = 6;
/** Nodes of its lowest level in one full tile. */
export const tileWidth = 2 ** tileLevels;
/** Hashes in one full tile. */
export const maxTileHashes = 2 * tileWidth - 2;
/** Groups up to level 48: lets a tile's two coordinates share one number, see `keyOf`. */
const maxGroups = 16;

export interface TileId {
  /** The tile's lowest level is six times this. */
  readonly group: number;
  readonly tile: number;
}

/** The bytes of one tile as they are kept, or `undefined` when there are none. */
export type ReadTile = (group: number, tile: number) => Uint8Array | undefined;

/** Where a node is kept; `offset` counts hashes from the start of the tile. */
export function locate(level: number, index: number): TileId & { readonly offset: number } {
  const local = level % tileLevels;
  const perTile = tileWidth >>> local;
  const tile = Math.floor(index / perTile);
  return { group: (level - local) / tileLevels, tile, offset: offsetOf(local, index - tile * perTile) };
}

/** How many hashes a tile with `leaves` nodes of its lowest level holds: those and every ancestor that they complete. */
export function hashesInTile(leaves: number): number {
  let hashes = 0;
  for (let local = 0; local < tileLevels; local++) hashes += leaves >>> local;
  return hashes;
}

/** Reads nodes from tiles of one snapshot. Keeps the last tile of each group, since proofs read neighbours. */
export class TileReader implements NodeReader {
  readonly #read: ReadTile;
  readonly #last: { readonly tile: number; readonly bytes: Uint8Array | undefined }[] = [];

  constructor(read: ReadTile) {
    this.#read = read;
  }

  /** A view of the tile; throws `DecodeError` when the tile is missing, too short or of an impossible length. */
  node(level: number, index: number): Uint8Array {
    const { group, tile, offset } = locate(level, index);
    const bytes = this.#tile(group, tile);
    const end = (offset + 1) * hashLength;
    if (bytes === undefined || bytes.length < end || !isTileLength(bytes.length)) {
      throw new DecodeError(
        `Tile ${group}/${tile}: expected ${end} bytes or more, found ${bytes?.length ?? 'no tile'} (node ${level}/${index}).`,
      );
    }
    return bytes.subarray(end - hashLength, end);
  }

  #tile(group: number, tile: number): Uint8Array | undefined {
    const last = this.#last[group];
    if (last?.tile === tile) return last.bytes;
    const bytes = this.#read(group, tile);
    this.#last[group] = { tile, bytes };
    return bytes;
  }
}

/**
 * A tile of `leaves` leaves with another hash in place `offset`. One that is missing, or has the length of another number of
 * leaves, gets the right one; what nobody knows of it is zero.
 */
export function withHash(tile: Uint8Array | undefined, leaves: number, offset: number, hash: Uint8Array): Uint8Array {
  const corrected = new Uint8Array(hashesInTile(leaves) * hashLength);
  corrected.set(tile?.subarray(0, corrected.length) ?? []);
  corrected.set(hash, offset * hashLength);
  return corrected;
}

/** Leaves of tile `(group, tile)` in a tree of `size` leaves. */
export function leavesOfTile({ group, tile }: TileId, size: number): number {
  const nodes = Math.floor(size / 2 ** (tileLevels * group));
  return Math.max(0, Math.min(tileWidth, nodes - tile * tileWidth));
}

interface OpenTile extends TileId {
  /** Room for a full tile. */
  readonly words: Uint32Array;
  leaves: number;
}

/** Collects the nodes that a `Frontier` reports into the tiles that have to be written. */
export class TileWriter {
  readonly #read: ReadTile;
  readonly #open = new Map<number, OpenTile>();

  /** `read` gives what a tile holds so far; asked once per tile, and only for tiles that exist already. */
  constructor(read: ReadTile) {
    this.#read = read;
  }

  /**
   * A `NodeSink`: nodes must come as `Frontier.append` reports them. Throws `DecodeError` when the kept tile does not hold
   * exactly the nodes before `first`: then tree and tiles have parted, and writing would make the damage last.
   */
  add(level: number, first: number, hashes: Uint8Array): void {
    const local = level % tileLevels;
    const group = (level - local) / tileLevels;
    const perTile = tileWidth >>> local;
    const words = wordsOf(hashes);
    for (let at = 0, index = first; at < words.length; ) {
      const tile = Math.floor(index / perTile);
      const start = index - tile * perTile;
      const count = Math.min(perTile - start, (words.length - at) / hashWords);
      const target = local === 0 ? this.#grow(group, tile, start, count) : this.#opened(group, tile);
      for (let place = start; place < start + count; place++, at += hashWords) {
        copyHash(words, at, target.words, offsetOf(local, place) * hashWords);
      }
      index += count;
    }
  }

  /** The tiles touched since the last call, whole, each once. */
  take(): (TileId & { readonly bytes: Uint8Array })[] {
    const tiles = [...this.#open.values()].map(({ group, tile, words, leaves }) => ({
      group,
      tile,
      bytes: new Uint8Array(words.buffer, 0, hashesInTile(leaves) * hashLength),
    }));
    this.#open.clear();
    return tiles;
  }

  #grow(group: number, tile: number, leaves: number, count: number): OpenTile {
    const key = keyOf(group, tile);
    let open = this.#open.get(key);
    if (open === undefined) {
      open = { group, tile, words: new Uint32Array(maxTileHashes * hashWords), leaves };
      if (leaves > 0) open.words.set(wordsOf(this.#kept(group, tile, leaves)));
      this.#open.set(key, open);
    }
    open.leaves = leaves + count;
    return open;
  }

  #kept(group: number, tile: number, leaves: number): Uint8Array {
    const bytes = this.#read(group, tile);
    const expected = hashesInTile(leaves) * hashLength;
    if (bytes?.length === expected) return bytes;
    throw new DecodeError(`Tile ${group}/${tile}: expected ${expected} bytes, found ${bytes?.length ?? 'no tile'}.`);
  }

  #opened(group: number, tile: number): OpenTile {
    const open = this.#open.get(keyOf(group, tile));
    if (open === undefined) throw new RangeError(`Tile ${group}/${tile}: a node came before its children.`);
    return open;
  }
}

/** A node is complete with the last leaf under it, right after its own descendants on that leaf's way up. */
function offsetOf(local: number, place: number): number {
  return hashesInTile(((place + 1) << local) - 1) + local;
}

const tileLengths = new Set(Array.from({ length: tileWidth + 1 }, (_, leaves) => hashesInTile(leaves) * hashLength));

function isTileLength(length: number): boolean {
  return tileLengths.has(length);
}

function keyOf(group: number, tile: number): number {
  return tile * maxGroups + group;
}

function copyHash(from: Uint32Array, fromAt: number, to: Uint32Array, toAt: number): void {
  for (let i = 0; i < hashWords; i++) to[toAt + i] = from[fromAt + i] ?? 0;
}
