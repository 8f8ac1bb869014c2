/**
 * Compares ways to do one thing. Only ratios carry over to another machine, so rivals run in the same minutes as ours: the
 * contenders take turns, round after round, and what counts is the median of each and how far it spread.
 */

/** One way to do it. */
export interface Contender {
  readonly name: string;
  /** Does it once and returns the figure, in the benchmark's unit. */
  run(): Promise<number>;
}

/** How many times better than a rival ours is to be. */
export interface Target {
  /** A contender's name. */
  readonly against: string;
  readonly must: number;
  readonly aim?: number;
}

export interface Prepared {
  /** Ours first. */
  readonly contenders: readonly Contender[];
  readonly targets: readonly Target[];
  /** Ends what `prepare` started, after success and failure alike. */
  close?(): Promise<void>;
}

export interface Benchmark {
  /** What one types to run it alone. */
  readonly name: string;
  /** What is measured, for the heading. */
  readonly title: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  /** Turns that each contender takes. */
  readonly rounds: number;
  prepare(): Promise<Prepared>;
}

export interface Measured {
  readonly name: string;
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** How many times better ours is; 1 for ours. */
  readonly ratio: number;
  readonly must: number | null;
  readonly aim: number | null;
}

export interface Report {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly rounds: number;
  readonly contenders: readonly Measured[];
}

/** Runs the contenders of one benchmark in turns. `onRound` hears of each round before it starts, counted from 1. */
export async function measure(benchmark: Benchmark, onRound: (round: number) => void): Promise<Report> {
  const { name, title, unit, better, rounds } = benchmark;
  const prepared = await benchmark.prepare();
  try {
    const figures = prepared.contenders.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      onRound(round + 1);
      for (let turn = 0; turn < prepared.contenders.length; turn++) {
        // Another one begins each round, so that nobody always runs on a machine that the same rival has just heated up.
        const i = (round + turn) % prepared.contenders.length;
        const figure = await prepared.contenders[i]?.run();
        if (figure !== undefined) figures[i]?.push(figure);
      }
    }
    const ours = median(figures[0] ?? []);
    const contenders = prepared.contenders.map((contender, i): Measured => {
      const own = figures[i] ?? [];
      const target = prepared.targets.find(({ against }) => against === contender.name);
      return {
        name: contender.name,
        median: median(own),
        lowest: Math.min(...own),
        highest: Math.max(...own),
        ratio: better === 'lower' ? median(own) / ours : ours / median(own),
        must: target?.must ?? null,
        aim: target?.aim ?? null,
      };
    });
    return { name, title, unit, better, rounds, contenders };
  } finally {
    await prepared.close?.();
  }
}

/** Whether ours is as much better as it must be. */
export function meetsTargets(report: Report): boolean {
  return report.contenders.every(({ ratio, must }) => must === null || ratio >= must);
}

/** The report as a table for a terminal. */
export function printed(report: Report): string {
  const heading = `${report.name}: ${report.title} (median of ${report.rounds}, ${report.better} is better)`;
  const rows = report.contenders.map((contender, i) => [
    contender.name,
    `${number(contender.median)} ${report.unit}`,
    `${number(contender.lowest)}–${number(contender.highest)}`,
    i === 0 ? '' : `ours is ${contender.ratio.toFixed(1)}× better${verdict(contender)}`,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(([name = '', figure = '', spread = '', ratio = '']) => {
    const cells = [
      name.padEnd(widths[0] ?? 0),
      figure.padStart(widths[1] ?? 0),
      spread.padStart(widths[2] ?? 0),
      ratio,
    ];
    return `  ${cells.join('  ')}`.trimEnd();
  });
  return [heading, ...lines].join('\n');
}

function verdict({ ratio, must, aim }: Measured): string {
  if (must === null) return '';
  const goal = aim === null ? `must ${must}×` : `must ${must}×, aim ${aim}×`;
  return ` (${goal}: ${ratio >= must ? 'met' : 'MISSED'})`;
}

function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** Three significant digits below a thousand, whole numbers with separators above. */
function number(value: number): string {
  return value.toLocaleString('en-US', value < 1_000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });
}
