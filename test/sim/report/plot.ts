/** One line of a plot. */
export interface Series {
  readonly name: string;
  readonly colour: string;
  /** `x` is a number of nodes, drawn at its logarithm. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
  /** Values at which the vertical axis has lines; the first and the last are its ends. Positive when `isLogarithmic`. */
  readonly ticks: readonly number[];
  readonly isLogarithmic: boolean;
}

const width = 460;
const height = 320;
const margin = { left: 62, right: 16, top: 58, bottom: 44 } as const;

/** An SVG with panels side by side over the number of nodes; readable in light and dark. */
export function plot(panels: readonly Panel[], sizes: readonly number[]): string {
  const body = panels.map((panel, i) => `<g transform="translate(${i * width} 0)">${drawPanel(panel, sizes)}</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${panels.length * width} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>How fast clusters of different sizes come to agree</title>',
    '<style>text{fill:#444}.line{stroke:#8884}@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>',
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel({ title, series, ticks, isLogarithmic }: Panel, sizes: readonly number[]): string {
  const scale = isLogarithmic ? Math.log10 : (value: number): number => value;
  const across = axis(Math.log2(sizes[0] ?? 1), Math.log2(sizes.at(-1) ?? 2), margin.left, width - margin.right);
  const up = axis(scale(ticks[0] ?? 0), scale(ticks.at(-1) ?? 1), height - margin.bottom, margin.top);
  const x = (size: number): number => across(Math.log2(size));
  const y = (value: number): number => up(scale(value));
  return [
    text(margin.left, 20, title, 'start', 'font-weight="bold"'),
    ...ticks.map((tick) => line(margin.left, y(tick), width - margin.right, y(tick))),
    ...ticks.map((tick) => text(margin.left - 6, y(tick) + 4, tick.toLocaleString('en-US'), 'end')),
    ...sizes.map((size) => line(x(size), margin.top, x(size), height - margin.bottom)),
    ...sizes.map((size) => text(x(size), height - margin.bottom + 16, `${size}`, 'middle')),
    text((margin.left + width - margin.right) / 2, height - 8, 'nodes', 'middle'),
    ...series.map(({ colour, points }) =>
      polyline(
        points.map((point) => [x(point.x), y(point.y)] as const),
        colour,
      ),
    ),
    ...series.map(({ name, colour }, i) =>
      text(margin.left + i * 125, 40, `■ ${name}`, 'start', `style="fill:${colour}"`),
    ),
  ].join('\n');
}

/** Maps values from `least` to `most` to places from `from` to `to`. */
function axis(least: number, most: number, from: number, to: number): (value: number) => number {
  return (value) => from + ((value - least) / (most - least)) * (to - from);
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="line" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function text(x: number, y: number, content: string, anchor: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" ${more}>${content}</text>`;
}

function polyline(points: readonly (readonly [number, number])[], colour: string): string {
  const places = points.map(([x, y]) => `${round(x)},${round(y)}`);
  const dots = points.map(([x, y]) => `<circle cx="${round(x)}" cy="${round(y)}" r="3" fill="${colour}"/>`);
  return `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`;
}

function round(place: number): number {
  return Math.round(place * 10) / 10;
}
