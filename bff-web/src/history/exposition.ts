/** One series of a scrape. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Counts by upper bound, cumulative, as histograms are exposed. */
export type Buckets = ReadonlyMap<number, number>;

const linePattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const labelPattern = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** What a process exposes in the Prometheus text format, version 0.0.4. Lines that are something else are left out. */
export class Exposition {
  readonly #series = new Map<string, Series[]>();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, name, labels = '', value] = linePattern.exec(line) ?? [];
      if (name === undefined) continue;
      const found = { labels: labelsOf(labels), value: Number(value) };
      const others = this.#series.get(name);
      if (others === undefined) this.#series.set(name, [found]);
      else others.push(found);
    }
  }

  series(name: string): readonly Series[] {
    return this.#series.get(name) ?? [];
  }

  /** Over all series of the name; 0 when there is none. */
  sum(name: string, label?: string, value?: string): number {
    const counted = this.series(name).filter(({ labels }) => label === undefined || labels[label] === value);
    return counted.reduce((total, one) => total + one.value, 0);
  }

  /** The histogram of this name, all its series that are `wanted` together. */
  buckets(name: string, wanted: (labels: Series['labels']) => boolean = () => true): Buckets {
    const counts = new Map<number, number>();
    for (const { labels, value } of this.series(`${name}_bucket`)) {
      if (!wanted(labels)) continue;
      const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']);
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    return counts;
  }
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(labelPattern)].map(([, name, value]) => [name, value]));
}

/** How much a counter grew; one that got smaller began anew with its process. */
export function growth(before: number, now: number): number {
  return now >= before ? now - before : now;
}

export function bucketGrowth(before: Buckets, now: Buckets): Buckets {
  return new Map([...now].map(([bound, count]) => [bound, growth(before.get(bound) ?? 0, count)]));
}

/** Both histograms together. */
export function joinBuckets(one: Buckets, other: Buckets): Buckets {
  const bounds = new Set([...one.keys(), ...other.keys()]);
  return new Map([...bounds].map((bound) => [bound, (one.get(bound) ?? 0) + (other.get(bound) ?? 0)]));
}

/**
 * The value below which the share `q` of all observations lies, as if they were spread evenly in their bucket; `null` when
 * there are none. What lies above all bounds counts as the last bound.
 */
export function quantile(buckets: Buckets, q: number): number | null {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const rank = q * (sorted.at(-1)?.[1] ?? 0);
  if (rank === 0) return null;
  let [lower, below] = [0, 0];
  for (const [bound, count] of sorted) {
    if (count >= rank) {
      return bound === Number.POSITIVE_INFINITY ? lower : lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}
