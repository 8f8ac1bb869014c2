import { OpenList } from '../open-list.ts';
import type { AnswerKey, StoredAnswer } from './stored-answer.ts';
import { type HeaderReader, selects } from './vary.ts';

export interface StoreBounds {
  /** Bodies and headers together; the one that was not used for longest goes first. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** What is looked for: the answer to a request of this kind. */
export interface Wanted {
  readonly uri: string;
  readonly route: string;
  readonly principal: string | undefined;
  readonly read: HeaderReader;
}

/**
 * Answers kept for one address. Whoever varies a header gets another one each time; all of them are looked through for each
 * request.
 */
const maxVariants = 32;

/** Answers in memory, within bounds. */
export class AnswerStore {
  readonly #bounds: StoreBounds;
  readonly #byUri = new Map<string, StoredAnswer[]>();
  /** The one that was used last is last. */
  readonly #byUse = new OpenList<StoredAnswer>();
  #bytes = 0;
  #evictions = 0;

  constructor(bounds: StoreBounds) {
    this.#bounds = bounds;
  }

  get entries(): number {
    return this.#byUse.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Answers that the bounds pushed out. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Of several that fit the one that was made last (RFC 9111 section 4.1). */
  find({ uri, route, principal, read }: Wanted): StoredAnswer | undefined {
    let found: StoredAnswer | undefined;
    for (const stored of this.#byUri.get(uri) ?? []) {
      const { key, terms } = stored;
      if (key.route !== route || (key.principal !== undefined && key.principal !== principal)) continue;
      if (found !== undefined && terms.dateMs < found.terms.dateMs) continue;
      if (selects(key.selection, read)) found = stored;
    }
    if (found !== undefined) {
      this.#byUse.delete(found);
      this.#byUse.add(found);
    }
    return found;
  }

  /** By which headers the answers at this address differ, as far as is known. */
  variedNames(uri: string, route: string): readonly string[] | undefined {
    const known = this.#byUri.get(uri)?.findLast(({ key }) => key.route === route);
    return known?.key.selection.map(([name]) => name);
  }

  /** Keeps an answer in place of the one with the same key. */
  put(stored: StoredAnswer): void {
    const { uri } = stored.key;
    const before = this.#byUri.get(uri)?.find(({ key }) => isSameKey(key, stored.key));
    if (before !== undefined) this.delete(before);
    const variants = this.#byUri.get(uri);
    if (variants === undefined) this.#byUri.set(uri, [stored]);
    else variants.push(stored);
    this.#byUse.add(stored);
    this.#bytes += stored.bytes;
    const [oldest] = variants ?? [];
    if (variants !== undefined && variants.length > maxVariants && oldest !== undefined) this.#evict(oldest);
    for (const least of this.#byUse) {
      if (this.#bytes <= this.#bounds.maxBytes && this.entries <= this.#bounds.maxEntries) break;
      this.#evict(least);
    }
  }

  /** Does nothing for what is not kept any more. */
  delete(stored: StoredAnswer): void {
    const { uri } = stored.key;
    const variants = this.#byUri.get(uri);
    const index = variants?.indexOf(stored) ?? -1;
    if (variants === undefined || index === -1) return;
    variants.splice(index, 1);
    if (variants.length === 0) this.#byUri.delete(uri);
    this.#byUse.delete(stored);
    this.#bytes -= stored.bytes;
  }

  /** Deletes all that is kept for an address; answers how many. */
  invalidate(uri: string): number {
    const variants = [...(this.#byUri.get(uri) ?? [])];
    for (const stored of variants) this.delete(stored);
    return variants.length;
  }

  /** Deletes what is kept for the addresses that `matches`; answers how many. */
  purge(matches: (uri: string) => boolean): number {
    const addresses = [...this.#byUri.keys()].filter(matches);
    return addresses.reduce((sum, uri) => sum + this.invalidate(uri), 0);
  }

  #evict(stored: StoredAnswer): void {
    this.delete(stored);
    this.#evictions++;
  }
}

function isSameKey(a: AnswerKey, b: AnswerKey): boolean {
  return (
    a.route === b.route &&
    a.principal === b.principal &&
    a.selection.length === b.selection.length &&
    a.selection.every(([name, value], index) => {
      const [otherName, otherValue] = b.selection[index] ?? [];
      return name === otherName && value === otherValue;
    })
  );
}
