import type { Metric, Registry } from 'prom-client';

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

/** One series, as prom-client prints it. */
interface Value {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
}

/**
 * A histogram of durations that prom-client prints and adds up over processes. Its own sorts, joins and hashes the labels at
 * every observation; here whoever observes keeps the series for its labels.
 */
export class DurationHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #buckets: readonly number[];
  readonly #series: DurationSeries[] = [];

  constructor(registry: Registry, { name, help, buckets }: HistogramOptions) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    // The library asks of a metric what this class has, but types it as one of its own.
    registry.registerMetric(this as unknown as Metric);
  }

  /** A new series; there must be one for each combination of labels at most. */
  series(labels: Readonly<Record<string, string>>): DurationSeries {
    const series = new DurationSeries(labels, this.#buckets);
    this.#series.push(series);
    return series;
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.#series.flatMap((series) => series.values(name)) };
  }

  reset(): void {
    for (const series of this.#series) series.reset();
  }
}

export class DurationSeries {
  readonly #labels: Readonly<Record<string, string>>;
  readonly #buckets: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(labels: Readonly<Record<string, string>>, buckets: readonly number[]) {
    this.#labels = labels;
    this.#buckets = buckets;
    this.#counts = new Array<number>(buckets.length + 1).fill(0);
  }

  observe(seconds: number): void {
    const buckets = this.#buckets;
    let index = 0;
    // Few buckets, and most durations in one of the first.
    while (index < buckets.length && seconds > (buckets[index] ?? 0)) index++;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** Cumulative, as the exposition format asks. */
  values(name: string): Value[] {
    let count = 0;
    const values: Value[] = this.#counts.map((own, index) => {
      count += own;
      const le = this.#buckets[index] ?? '+Inf';
      return { labels: { ...this.#labels, le }, value: count, metricName: `${name}_bucket` };
    });
    values.push({ labels: this.#labels, value: this.#sum, metricName: `${name}_sum` });
    values.push({ labels: this.#labels, value: count, metricName: `${name}_count` });
    return values;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }
}
