/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) in 64 bits: 48 bits of milliseconds since the
 * Unix epoch, then a 16-bit counter for events within one millisecond. Values are compared as plain numbers.
 */
import { DecodeError } from './decode-error.ts';

const counterBits = 16n;

/**
 * How far, in milliseconds, a value from elsewhere may lie before us in time and still move our clock. Far above the skew
 * of any machine with a time server. Without the bound one node with a broken clock would drag the whole cluster into its
 * future for good, and no later message could be dated honestly.
 */
export const maxForwardMs = 60_000;

/** `ms` whole milliseconds since the Unix epoch, `counter` from 0 to 65,535. */
export function packHlc(ms: number, counter: number): bigint {
  return (BigInt(ms) << counterBits) | BigInt(counter);
}

/** Milliseconds since the Unix epoch. */
export function hlcMs(hlc: bigint): number {
  return Number(hlc >> counterBits);
}

/** Milliseconds since the Unix epoch of a value that is known to have come from `hlcToHex`; without the way through a `bigint`. */
export function hlcHexMs(text: string): number {
  return Number.parseInt(text.slice(0, -Number(counterBits) / 4), 16);
}

/** 16 hexadecimal digits, which sort as text like the values as numbers. */
export function hlcToHex(hlc: bigint): string {
  return hlc.toString(16).padStart(16, '0');
}

/** Throws `DecodeError` for anything that `hlcToHex` does not print. */
export function hlcFromHex(text: string): bigint {
  if (!/^[0-9a-f]{16}$/.test(text)) {
    throw new DecodeError(`Expected 16 lower-case hexadecimal digits, found ${text.length} characters.`);
  }
  return BigInt(`0x${text}`);
}

/** The clock of one origin. It never gives a value twice and never goes back, whatever the wall clock does. */
export class HybridClock {
  #last: bigint;

  /** `last`: the greatest value in use before, such as that of the last entry on disk after a restart. */
  constructor(last = 0n) {
    this.#last = last;
  }

  /**
   * Reserves `count` consecutive values and returns the first. All are greater than any value given or observed before.
   * When the counter overflows, the values run on into the next millisecond: still unique, still ordered.
   */
  tick(wallMs: number, count = 1): bigint {
    const now = packHlc(wallMs, 0);
    const first = now > this.#last ? now : this.#last + 1n;
    this.#last = first + BigInt(count) - 1n;
    return first;
  }

  /** Moves past a value that this clock gave in an earlier life, however far ahead it is: it must not be given again, nor one before it. */
  recall(hlc: bigint): void {
    if (hlc > this.#last) this.#last = hlc;
  }

  /** Moves past a value from elsewhere. Answers false, and ignores it, when it is more than `maxForwardMs` ahead of `wallMs`. */
  observe(hlc: bigint, wallMs: number): boolean {
    if (hlcMs(hlc) > wallMs + maxForwardMs) return false;
    if (hlc > this.#last) this.#last = hlc;
    return true;
  }
}
