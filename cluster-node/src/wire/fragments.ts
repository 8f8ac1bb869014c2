/** Segments that do not fit one datagram: cut by who sends, put together by who receives. */
import { maxPartials, maxSegmentBytes } from './limits.ts';
import type { FragmentPiece, PartialSegment } from './messages.ts';

/** Length of fragment `index` of a segment cut into pieces of `fragmentBytes`; not positive when there is no such one. */
export function fragmentLength(segmentBytes: number, fragmentBytes: number, index: number): number {
  return Math.min(fragmentBytes, segmentBytes - index * fragmentBytes);
}

/** Cuts a segment of more than `fragmentBytes` bytes. The parts are views of `bytes`. */
export function splitSegment(
  origin: string,
  firstSeq: number,
  bytes: Uint8Array,
  fragmentBytes: number,
): FragmentPiece[] {
  const fragments: FragmentPiece[] = [];
  for (let offset = 0; offset < bytes.length; offset += fragmentBytes) {
    fragments.push({
      kind: 'fragment',
      origin,
      firstSeq,
      segmentBytes: bytes.length,
      fragmentBytes,
      offset,
      bytes: bytes.subarray(offset, offset + fragmentBytes),
    });
  }
  return fragments;
}

/**
 * The fragments that a requester does not have; all of them when it has none of this cut. So it is when it names every one: it
 * would not ask if they were of this cut, but of a longer one, from before retention erased some of the segment.
 */
export function missingFragments(
  fragments: readonly FragmentPiece[],
  partial: PartialSegment | undefined,
): readonly FragmentPiece[] {
  if (partial === undefined) return fragments;
  const missing = fragments.filter(
    ({ fragmentBytes, offset }) =>
      fragmentBytes !== partial.fragmentBytes || !hasFragment(partial.have, offset / fragmentBytes),
  );
  return missing.length === 0 ? fragments : missing;
}

function hasFragment(have: Uint8Array, index: number): boolean {
  return ((have[index >> 3] ?? 0) & bitOf(index)) !== 0;
}

function bitOf(index: number): number {
  return 0x80 >> (index & 7);
}

/** One segment that is being put together. */
interface Assembly {
  readonly origin: string;
  readonly firstSeq: number;
  readonly fragmentBytes: number;
  readonly bytes: Uint8Array;
  readonly have: Uint8Array;
  missing: number;
}

/** Room for three segments of the largest kind, or a hundred of the usual 64 KiB: what a few peers send at a time. */
const defaultMaxBytes = 4 * 1024 * 1024;

/**
 * Puts fragments together, whichever peer or answer they come from: a segment's bytes are the same everywhere. Holds at
 * most `maxBytes` of unfinished segments; beyond that, those go first that have waited longest for a fragment.
 */
export class Reassembly {
  readonly #maxBytes: number;
  /** The one that got a fragment last is last. */
  readonly #assemblies = new Map<string, Assembly>();
  #heldBytes = 0;

  /** `maxBytes`: at least `maxSegmentBytes`, or the largest segments could never be finished. */
  constructor(maxBytes = defaultMaxBytes) {
    if (maxBytes < maxSegmentBytes)
      throw new RangeError(`Expected at least ${maxSegmentBytes} bytes, found ${maxBytes}.`);
    this.#maxBytes = maxBytes;
  }

  /** Bytes set aside for unfinished segments. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes a decoded fragment and returns the whole segment when it was the last one missing; then nothing of it is kept.
   * A fragment of another cut than those before it (other length, other fragment size) starts its segment over.
   */
  add(fragment: FragmentPiece): Uint8Array | undefined {
    const key = keyOf(fragment.origin, fragment.firstSeq);
    const assembly = this.#matching(key, fragment) ?? begin(fragment);
    this.#remove(key);
    put(assembly, fragment);
    if (assembly.missing === 0) return assembly.bytes;
    this.#keep(key, assembly);
    return undefined;
  }

  /**
   * For a request: what is here of the segments that start where the requester's logs end (`sizeOf`), the ones with the
   * newest fragments where there are more than a request takes. Sorted by origin; the bitmaps are copies.
   */
  partials(sizeOf: (origin: string) => number): PartialSegment[] {
    return [...this.#assemblies.values()]
      .filter(({ origin, firstSeq }) => firstSeq === sizeOf(origin))
      .slice(-maxPartials)
      .map(({ origin, firstSeq, fragmentBytes, have }) => ({
        origin,
        firstSeq,
        fragmentBytes,
        have: have.slice(0, have.findLastIndex((byte) => byte !== 0) + 1),
      }))
      .sort((a, b) => (a.origin < b.origin ? -1 : 1));
  }

  /** Drops what is here of an origin's segments that start before `belowSeq`: they have come some other way. */
  forget(origin: string, belowSeq = Number.POSITIVE_INFINITY): void {
    for (const [key, assembly] of this.#assemblies) {
      if (assembly.origin === origin && assembly.firstSeq < belowSeq) this.#remove(key);
    }
  }

  #matching(key: string, fragment: FragmentPiece): Assembly | undefined {
    const assembly = this.#assemblies.get(key);
    const same = assembly?.bytes.length === fragment.segmentBytes && assembly.fragmentBytes === fragment.fragmentBytes;
    return same ? assembly : undefined;
  }

  #keep(key: string, assembly: Assembly): void {
    this.#assemblies.set(key, assembly);
    this.#heldBytes += assembly.bytes.length;
    for (const oldest of this.#assemblies.keys()) {
      if (this.#heldBytes <= this.#maxBytes) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#heldBytes -= this.#assemblies.get(key)?.bytes.length ?? 0;
    this.#assemblies.delete(key);
  }
}

function keyOf(origin: string, firstSeq: number): string {
  return `${origin}:${firstSeq}`;
}

function begin({ origin, firstSeq, fragmentBytes, segmentBytes }: FragmentPiece): Assembly {
  const fragments = Math.ceil(segmentBytes / fragmentBytes);
  return {
    origin,
    firstSeq,
    fragmentBytes,
    bytes: new Uint8Array(segmentBytes),
    have: new Uint8Array(Math.ceil(fragments / 8)),
    missing: fragments,
  };
}

function put(assembly: Assembly, fragment: FragmentPiece): void {
  const index = fragment.offset / assembly.fragmentBytes;
  if (hasFragment(assembly.have, index)) return;
  assembly.bytes.set(fragment.bytes, fragment.offset);
  assembly.have[index >> 3] = (assembly.have[index >> 3] ?? 0) | bitOf(index);
  assembly.missing -= 1;
}
