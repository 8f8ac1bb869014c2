import { escapeHtml } from '../../report/html-page.ts';

/** One line, or dots, over time. */
export interface TimeSeries {
  readonly name: string;
  /** A colour of the page's style: `var(--NAME)`. */
  readonly colour: string;
  readonly drawnAs: 'line' | 'dots';
  /** Seconds, and the value there; undefined where there is none, which parts a line. */
  readonly points: readonly { readonly x: number; readonly y: number | undefined }[];
}

/** A stretch of time in which something was different. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

export interface TimePlot {
  readonly title: string;
  readonly unit: string;
  readonly isLogarithmic: boolean;
  readonly series: readonly TimeSeries[];
}

const width = 960;
const height = 240;
const margin = { left: 64, right: 12, top: 34, bottom: 30 } as const;
/** What a letter of a band's label takes. */
const letterWidth = 5.4;
const usualTicks = 4;

/** An SVG of values over `seconds`, with bands where something was different. Its colours are those of the page around it. */
export function timePlot(
  { title, unit, isLogarithmic, series }: TimePlot,
  seconds: number,
  bands: readonly Band[],
): string {
  const values = series.flatMap(({ points }) => points.flatMap(({ y }) => y ?? []));
  const ticks = isLogarithmic ? decades(values) : steps(Math.max(1, ...values));
  const scale = isLogarithmic ? Math.log10 : (value: number): number => value;
  const [least = 0, most = 1] = [ticks[0], ticks.at(-1)];
  const x = (at: number): number =>
    margin.left + (Math.min(at, seconds) / seconds) * (width - margin.left - margin.right);
  const y = (value: number): number => {
    const share = (scale(Math.max(value, least)) - scale(least)) / (scale(most) - scale(least));
    return height - margin.bottom - share * (height - margin.top - margin.bottom);
  };
  const times = steps(seconds).filter((at) => at <= seconds);
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">`,
    text(0, 14, title, 'start', 'class="title"'),
    key(series),
    ...bands.map((band) => drawBand(band, x)),
    ...ticks.map((tick) => line(margin.left, y(tick), width - margin.right, y(tick))),
    ...ticks.map((tick) => text(margin.left - 8, y(tick) + 4, `${tick.toLocaleString('en-US')}${unit}`, 'end')),
    ...times.map((at) => text(x(at), height - margin.bottom + 18, `${at} s`, 'middle')),
    ...series.map((one) => draw(one, x, y)),
    '</svg>',
  ].join('\n');
}

function key(series: readonly TimeSeries[]): string {
  const words = series.map(({ name, colour }) => `<tspan style="fill:${colour}">■ ${escapeHtml(name)}</tspan>`);
  return `<text x="${width - margin.right}" y="14" text-anchor="end" xml:space="preserve">${words.join('   ')}</text>`;
}

function drawBand({ from, to, label }: Band, x: (at: number) => number): string {
  // A fault of an instant is seen as well.
  const wide = Math.max(2, x(to) - x(from));
  const tall = height - margin.top - margin.bottom;
  // Labels that do not fit would be written over each other; the title of each band says what it is.
  const shown = [label, label.slice(0, label.indexOf(' '))].find((words) => words.length * letterWidth < wide) ?? '';
  return [
    `<rect class="band" x="${round(x(from))}" y="${margin.top}" width="${round(wide)}" height="${tall}"><title>${escapeHtml(label)}</title></rect>`,
    text(x(from) + 3, margin.top + 12, shown, 'start', 'class="band-label"'),
  ].join('');
}

function draw(
  { colour, drawnAs, points }: TimeSeries,
  x: (at: number) => number,
  y: (value: number) => number,
): string {
  const dot = (place: Place): string =>
    `<circle cx="${round(x(place.x))}" cy="${round(y(place.y))}" r="2.5" style="fill:${colour}"/>`;
  const drawLine = (places: readonly Place[]): string =>
    `<polyline points="${places.map((place) => `${round(x(place.x))},${round(y(place.y))}`).join(' ')}" style="stroke:${colour}"/>`;
  return stretches(points)
    .map((places) => (drawnAs === 'dots' || places.length === 1 ? places.map(dot).join('') : drawLine(places)))
    .join('');
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Runs of points that have a value. */
function stretches(points: TimeSeries['points']): Place[][] {
  const runs: Place[][] = [[]];
  for (const { x, y } of points) {
    if (y === undefined) runs.push([]);
    else runs.at(-1)?.push({ x, y });
  }
  return runs.filter(({ length }) => length > 0);
}

/** Powers of ten around all positive values. */
function decades(values: readonly number[]): number[] {
  const positive = values.filter((value) => value > 0);
  const first = Math.floor(Math.log10(Math.min(1, ...positive)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(1, ...positive))));
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

/** Round numbers from 0 up to `most` or a little more. */
function steps(most: number): number[] {
  const rough = most / usualTicks;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => Math.round(i * step * 1_000) / 1_000);
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function text(x: number, y: number, content: string, anchor: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" ${more}>${escapeHtml(content)}</text>`;
}

function round(place: number): number {
  return Math.round(place * 10) / 10;
}
