/**
 * Compares ways to do one thing. Only ratios carry over to another machine, so rivals run in the same minutes as ours: the
 * contenders take turns, round after round, and what counts is the median of each and how far it spread.
 */

/** One way to do it. */
export interface Contender {
  readonly name: string;
  /** Does it once and returns one number for each of the benchmark's figures. */
  run(): Promise<readonly number[]>;
}

/** What ours is to reach. */
export interface Target {
  /** A contender's name: `must` and `aim` say how many times better ours is to be. Without it they are bounds of our own figure. */
  readonly against?: string;
  readonly must: number;
  readonly aim?: number;
}

/** Something that every run tells. */
export interface Figure {
  /** Which of the benchmark's figures it is, when there are several. */
  readonly what?: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly targets: readonly Target[];
}

export interface Prepared {
  /** Ours first. */
  readonly contenders: readonly Contender[];
  /** Ends what `prepare` started, after success and failure alike. */
  close?(): Promise<void>;
}

export interface Benchmark {
  /** What one types to run it alone. */
  readonly name: string;
  /** What is measured, for the heading. */
  readonly title: string;
  readonly figures: readonly Figure[];
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
  /** In times better; for ours, in the figure's unit. */
  readonly must: number | null;
  readonly aim: number | null;
  readonly met: boolean;
}

/** One figure of a benchmark, of all contenders. */
export interface Report {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly rounds: number;
  readonly contenders: readonly Measured[];
}

/**
 * Runs the contenders of one benchmark in turns and reports each of its figures. `onRound` hears of each round before it
 * starts, counted from 1.
 */
export async function measure(benchmark: Benchmark, onRound: (round: number) => void): Promise<Report[]> {
  const { name, title, figures, rounds } = benchmark;
  const prepared = await benchmark.prepare();
  try {
    const runs = prepared.contenders.map((): (readonly number[])[] => []);
    for (let round = 0; round < rounds; round++) {
      onRound(round + 1);
      for (let turn = 0; turn < prepared.contenders.length; turn++) {
        // Another one begins each round, so that nobody always runs on a machine that the same rival has just heated up.
        const i = (round + turn) % prepared.contenders.length;
        const run = await prepared.contenders[i]?.run();
        if (run !== undefined) runs[i]?.push(run);
      }
    }
    return figures.map(({ what, unit, better, targets }, at): Report => {
      const own = runs.map((perRound) => perRound.map((run) => run[at] ?? Number.NaN));
      const contenders = prepared.contenders.map((contender, i) =>
        compared(contender.name, own[i] ?? [], i === 0 ? undefined : own[0], better, targets),
      );
      return { name, title: what === undefined ? title : `${title}: ${what}`, unit, better, rounds, contenders };
    });
  } finally {
    await prepared.close?.();
  }
}

/** One contender's figures beside `ours`, which is undefined for ours itself. */
function compared(
  name: string,
  figures: readonly number[],
  ours: readonly number[] | undefined,
  better: Figure['better'],
  targets: readonly Target[],
): Measured {
  const own = median(figures);
  const ratio = ours === undefined ? 1 : better === 'lower' ? own / median(ours) : median(ours) / own;
  const target = targets.find(({ against }) => against === (ours === undefined ? undefined : name));
  // A ratio is better when it is higher, whatever holds for the figure.
  const [reached, direction] = ours === undefined ? [own, better] : [ratio, 'higher'];
  return {
    name,
    median: own,
    lowest: Math.min(...figures),
    highest: Math.max(...figures),
    ratio,
    must: target?.must ?? null,
    aim: target?.aim ?? null,
    met: target === undefined || (direction === 'lower' ? reached <= target.must : reached >= target.must),
  };
}

/** Whether ours is as good as it must be. */
export function meetsTargets(report: Report): boolean {
  return report.contenders.every(({ met }) => met);
}

/** The report as a table for a terminal. */
export function printed(report: Report): string {
  const heading = `${report.name}: ${report.title} (median of ${report.rounds}, ${report.better} is better)`;
  const rows = report.contenders.map((contender, i) => [
    contender.name,
    `${formatted(contender.median)} ${report.unit}`,
    `${formatted(contender.lowest)}–${formatted(contender.highest)}`,
    i === 0 ? verdict(contender, '') : `ours is ${times(contender.ratio)} better ${verdict(contender, '×')}`,
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

function verdict(measured: Measured, unit: string): string {
  const goal = goalOf(measured, unit);
  return goal === '' ? '' : `(${goal}: ${measured.met ? 'met' : 'MISSED'})`;
}

/** What is to be reached, in `unit`; empty when nothing is. */
export function goalOf({ must, aim }: Measured, unit: string): string {
  if (must === null) return '';
  return aim === null ? `must ${must}${unit}` : `must ${must}${unit}, aim ${aim}${unit}`;
}

/** The middle one, or the mean of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** How many times better, exact enough to see by how little a goal is missed. */
export function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)}×`;
}

/** Three significant digits below a thousand, whole numbers with separators above. */
export function formatted(value: number): string {
  return value.toLocaleString('en-US', value < 1_000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });
}
