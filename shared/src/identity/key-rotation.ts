import { maxPassphrases } from './passphrases.ts';

/** What a process does with its passphrases at the moment. */
export interface KeysInForce {
  /** New seals and signatures are made with it. It is among the opening ones. */
  readonly sealing: string;
  /** Those of others are accepted with any of them. */
  readonly opening: readonly string[];
}

/** Removed ones that still open. A file that is changed more often than that within two rotation times is not being rotated. */
const maxRetiring = maxPassphrases;

interface Listed {
  readonly passphrase: string;
  /** Others may not know it before. */
  readonly sealsFromMs: number;
}

interface Retiring {
  readonly passphrase: string;
  /** Others may still use it until then. */
  readonly opensUntilMs: number;
}

/**
 * Which passphrases of a changing list are in force, so that processes that see the changes at different moments understand
 * each other all the time: the first of the list seals, all open. One that appears opens at once, but seals only
 * `rotateAfterMs` later, when everybody opens with it; one that disappears opens for twice as long, until nobody seals
 * with it any more. This holds if every process sees every version of the list, within half of `rotateAfterMs`: one that
 * misses a version takes what was removed and came back for known all the time.
 */
export class KeyRotation {
  readonly #rotateAfterMs: number;
  #listed: readonly Listed[];
  #retiring: readonly Retiring[] = [];
  #sealing: string;
  #advancedToMs = Number.NEGATIVE_INFINITY;

  /** `list` is in force at once: a process that starts has nobody whom it could surprise. It has at least one. */
  constructor(list: readonly string[], rotateAfterMs: number) {
    const [first] = list;
    if (first === undefined) throw new RangeError('Expected at least one passphrase.');
    this.#rotateAfterMs = rotateAfterMs;
    this.#listed = list.map((passphrase) => ({ passphrase, sealsFromMs: Number.NEGATIVE_INFINITY }));
    this.#sealing = first;
  }

  /** The list is this one from now on. */
  change(list: readonly string[], nowMs: number): void {
    this.#advance(nowMs);
    const before = this.#listed;
    const sealsFromMs = nowMs + this.#rotateAfterMs;
    this.#listed = list.map(
      (passphrase) => before.find((one) => one.passphrase === passphrase) ?? { passphrase, sealsFromMs },
    );
    // Of those that were removed earlier, too, the time begins anew: where none of the list may seal yet, they still do.
    this.#retiring = [...this.#retiring, ...before]
      .filter(({ passphrase }) => !list.includes(passphrase))
      .map(({ passphrase }) => ({ passphrase, opensUntilMs: nowMs + 2 * this.#rotateAfterMs }))
      .slice(-maxRetiring);
    this.#advance(nowMs);
  }

  inForce(nowMs: number): KeysInForce {
    this.#advance(nowMs);
    const others = [...this.#listed, ...this.#retiring].map(({ passphrase }) => passphrase);
    return { sealing: this.#sealing, opening: [...new Set([this.#sealing, ...others])] };
  }

  /** When what is in force changes although the list does not; infinite when it never does. */
  get nextChangeMs(): number {
    const times = [
      ...this.#listed.map(({ sealsFromMs }) => sealsFromMs),
      ...this.#retiring.map(({ opensUntilMs }) => opensUntilMs),
    ];
    return Math.min(...times.filter((time) => time > this.#advancedToMs), Number.POSITIVE_INFINITY);
  }

  #advance(nowMs: number): void {
    this.#advancedToMs = nowMs;
    this.#retiring = this.#retiring.filter(({ opensUntilMs }) => opensUntilMs > nowMs);
    // While no listed one may seal yet, the last one goes on, whether it is listed or not.
    this.#sealing = this.#listed.find(({ sealsFromMs }) => sealsFromMs <= nowMs)?.passphrase ?? this.#sealing;
  }
}
