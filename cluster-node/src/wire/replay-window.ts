/**
 * How many counters back a datagram may come late. One sender's datagrams overtake each other by a few dozen at worst; what
 * is over a thousand behind was held back by somebody.
 */
export const replayWindowSize = 1_024;
const wordBits = 32;

/** Which counters of one sender's epoch have been seen: the newest and the `replayWindowSize - 1` before it (as in RFC 6479). */
export class ReplayWindow {
  /** Bit `counter % replayWindowSize`, 32 to a word. */
  readonly #seen = new Uint32Array(replayWindowSize / wordBits);
  #newest = -1;

  /** Whether `counter` is new; one too old to tell is not. Call `add` only after the datagram was authenticated. */
  isNew(counter: number): boolean {
    if (counter > this.#newest) return true;
    return this.#newest - counter < replayWindowSize && !this.#has(counter);
  }

  /** Marks a counter for which `isNew` holds. */
  add(counter: number): void {
    if (counter > this.#newest) this.#advance(counter);
    const place = counter % replayWindowSize;
    this.#seen[wordOf(place)] = (this.#seen[wordOf(place)] ?? 0) | bitOf(place);
  }

  #has(counter: number): boolean {
    const place = counter % replayWindowSize;
    return ((this.#seen[wordOf(place)] ?? 0) & bitOf(place)) !== 0;
  }

  /** Clears the places of the counters that were jumped over: they still hold what was seen one window earlier. */
  #advance(to: number): void {
    if (to - this.#newest >= replayWindowSize) {
      this.#seen.fill(0);
    } else {
      for (let counter = this.#newest + 1; counter <= to; counter++) {
        const place = counter % replayWindowSize;
        this.#seen[wordOf(place)] = (this.#seen[wordOf(place)] ?? 0) & ~bitOf(place);
      }
    }
    this.#newest = to;
  }
}

// Counters have 48 bits: `%` and not the 32-bit operators until they are places.
function wordOf(place: number): number {
  return (place / wordBits) | 0;
}

function bitOf(place: number): number {
  return 1 << (place & (wordBits - 1));
}
