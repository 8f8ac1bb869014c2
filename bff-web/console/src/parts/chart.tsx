import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

export interface Line {
  /** Empty when the chart's title says it. */
  readonly name: string;
  /** Of a custom property of the style sheet, such as `--line-1`. */
  readonly colour: string;
  /** One per moment; null where nothing is known. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** What it is about, for the second line. */
  readonly note: string;
  /** Ends of the intervals, in milliseconds since 1970. */
  readonly moments: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

const heightPx = 120;
const windowSeconds = 15 * 60;

/** Lines over the last quarter of an hour, with the newest values beside the title. */
export function Chart({ title, note, moments, lines, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = dataOf(moments, lines);
  // A plot that is made anew, for other colours, shows what is known by then.
  const newest = useRef(data);
  newest.current = data;
  const names = lines.map(({ name }) => name).join('\n');
  useEffect(() => {
    const box = place.current;
    if (box === null) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(box, lines, format), newest.current, box);
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const size = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height: heightPx }));
    size.observe(box);
    return () => {
      scheme.removeEventListener('change', draw);
      size.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names]);
  useEffect(() => plot.current?.setData(data), [moments, lines]);
  const latest = lines.map(({ name, colour, values }) => ({ name, colour, value: values.at(-1) ?? null }));
  const words = latest
    .map(({ name, value }) => `${name} ${value === null ? 'unknown' : format(value)}`.trim())
    .join(', ');
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <p class="note">{note}</p>
        <p class="latest">
          {latest.map(({ name, colour, value }) => (
            <span key={name}>
              <i data-colour={colour} aria-hidden="true" />
              {name !== '' && `${name} `}
              <b>{value === null ? '–' : format(value)}</b>
            </span>
          ))}
        </p>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}, last 15 minutes. Now: ${words}.`} />
    </figure>
  );
}

function dataOf(moments: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [moments.map((ms) => ms / 1_000), ...lines.map(({ values }) => [...values])];
}

function optionsFor(box: HTMLElement, lines: readonly Line[], format: (value: number) => string): uPlot.Options {
  const colour = (name: string): string => getComputedStyle(box).getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--faint-ink'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: box.clientWidth,
    height: heightPx,
    // Right of the last moment there is room for half of its time, which stands under it.
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { range: () => [Date.now() / 1_000 - windowSeconds, Date.now() / 1_000] },
      // From zero, so that heights can be compared; a flat line at zero lies at the bottom.
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.15 : 1] },
    },
    axes: [
      { ...axis, space: 70, size: 24, values: (_plot, splits) => splits.map(clock) },
      { ...axis, size: 64, space: 32, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name, colour: stroke }, index) => ({
        label: name,
        stroke: colour(stroke),
        width: 1.5,
        spanGaps: false,
        // A value between two unknown ones would be no line at all.
        points: { show: true, size: 4, filter: (shown: uPlot, at: number) => lonely(shown.data[at] ?? []) },
        ...(lines.length === 1 && index === 0 ? { fill: colour(`${stroke}-fill`) } : {}),
      })),
    ],
  };
}

function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const isKnown = (at: number): boolean => values[at] !== null && values[at] !== undefined;
  return Array.from(values).flatMap((_value, at) => (isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1) ? [at] : []));
}

function clock(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}
