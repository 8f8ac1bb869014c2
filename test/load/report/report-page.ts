import { escapeHtml, htmlPage } from '../../report/html-page.ts';
import { describeMachine } from '../../report/machine.ts';
import type { Slice } from '../recorder.ts';
import type { LoadReport } from './load-report.ts';
import { milliseconds, percent, printedLatencies } from './summary.ts';
import { type Band, type TimeSeries, timePlot } from './time-plot.ts';

const style = `
:root{--good:light-dark(#2a78c2,#6fb1ef);--bad:light-dark(#b3261e,#ff8a80);--p90:light-dark(#4a8f3a,#86cf76);--p99:light-dark(#c2742a,#f0ae6a);--max:light-dark(#8a3fa0,#d08ce4)}
svg{display:block;width:100%;margin:1.75rem 0;font-size:12px;overflow:visible}
svg text{fill:light-dark(#444,#bbb)}
svg line{stroke:#8884}
svg polyline{fill:none;stroke-width:1.75;stroke-linejoin:round}
svg .title{font-weight:bold;font-size:14px;fill:CanvasText}
svg .band{fill:light-dark(#c2742a28,#f0ae6a2c)}
svg .band-label{font-size:10px}
.verdict{font-size:1.25rem;font-weight:bold}
ul{list-style:none;padding:0}
.wide{overflow-x:auto}
`;

/** The report of one run, on one page that needs nothing else. */
export function reportPage(report: LoadReport): string {
  const { machine, at, target, scenario, load, seconds, chaos, passed, interrupted } = report;
  const faults = chaos.length === 0 ? 'without faults' : `with faults (${chaos.join(', ')})`;
  const end = interrupted ? '; ended by hand' : '';
  return htmlPage(
    'Grapevine under load',
    style,
    `<h1>Grapevine under load</h1>
<p class="verdict ${passed ? 'met' : 'missed'}">${passed ? 'All checks passed' : 'Something is wrong: see the checks'}</p>
<p>${escapeHtml(`Scenario ${scenario}: ${load} for ${Math.round(seconds)} s, ${faults}${end}, on ${target}.`)}<br>
${escapeHtml(`${describeMachine(machine)}, ${at}`)}</p>
${checks(report)}
${figures(report)}
${plots(report)}
${requests(report)}
${errors(report)}
<p>Latencies are those of requests that went well, ${escapeHtml(latenciesOf(report))}.</p>`,
  );
}

function latenciesOf({ generatorLateMs }: LoadReport): string {
  if (generatorLateMs === null)
    return 'from the moment a client sent them: who waits for an answer asks nothing meanwhile';
  return `from the moment they were due; this program itself sent 99 of 100 within ${milliseconds(generatorLateMs)} of that`;
}

function checks({ checks: found, thresholds }: LoadReport): string {
  const marks = { true: ['met', '✔'], false: ['missed', '✘'], undefined: ['', '–'] } as const;
  const lines = [
    ...found.map(({ name, passed, found: what }) => ({ passed, text: `${name}: ${what}` })),
    ...thresholds.map(({ name, limit, found: value, met }) => ({
      passed: met,
      text: `${name}: ${value} of at most ${limit}`,
    })),
  ];
  const items = lines.map(({ passed, text }) => {
    const [colour, mark] = marks[`${passed}`];
    return `<li><span class="${colour}">${mark}</span> ${escapeHtml(text)}</li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}

function figures({ succeeded, failed, errorRate, perSecond, latencyMs }: LoadReport): string {
  const { p50, p90, p99, p999, max } = printedLatencies(latencyMs);
  const cells = [
    ['requests', (succeeded + failed).toLocaleString('en-US')],
    ['good answers per second', perSecond.toFixed(1)],
    ['failed', `${failed.toLocaleString('en-US')} (${percent(errorRate)})`],
    ['p50', p50],
    ['p90', p90],
    ['p99', p99],
    ['p99.9', p999],
    ['longest', max],
  ];
  const heads = cells.map(([name = '']) => `<th scope="col" class="number">${name}</th>`).join('');
  const values = cells.map(([, value = '']) => `<td class="number">${value}</td>`).join('');
  return `<div class="wide"><table><thead><tr>${heads}</tr></thead><tbody><tr>${values}</tr></tbody></table></div>`;
}

function plots({ slices: all, sliceSeconds, convergence, faults, errors: codes, seconds }: LoadReport): string {
  const whole = Math.max(seconds, 1);
  // A stretch that is cut short would look like a collapse. Its requests are in the tables.
  const slices = all.filter(({ at }) => at + sliceSeconds <= seconds + 0.1);
  const bands: Band[] = faults.map(({ kind, what, from, to }) => ({ from, to, label: `${kind} ${what}` }));
  const over = (name: string, colour: string, value: (slice: Slice) => number | undefined): TimeSeries => ({
    name,
    colour: `var(--${colour})`,
    drawnAs: 'line',
    // In the middle of what it counts.
    points: slices.map((slice) => ({ x: slice.at + sliceSeconds / 2, y: value(slice) })),
  });
  const failed = ({ failures }: Slice): number => Object.values(failures).reduce((sum, count) => sum + count, 0);
  const colours = ['bad', 'p99', 'max', 'p90', 'good'];
  const held = convergence.flatMap(({ at, ms }) => (ms === null ? [] : [{ x: at, y: ms }]));
  const notHeld = convergence.flatMap(({ at, ms }) => (ms === null ? [{ x: at, y: 30_000 }] : []));
  return [
    {
      title: 'Answers per second',
      unit: '',
      isLogarithmic: false,
      series: [
        over('good', 'good', ({ succeeded }) => succeeded / sliceSeconds),
        over('failed', 'bad', (slice) => failed(slice) / sliceSeconds),
      ],
    },
    {
      title: 'Latency',
      unit: ' ms',
      isLogarithmic: true,
      series: [
        over('p50', 'good', ({ latencyMs }) => latencyMs?.p50),
        over('p90', 'p90', ({ latencyMs }) => latencyMs?.p90),
        over('p99', 'p99', ({ latencyMs }) => latencyMs?.p99),
        over('longest', 'max', ({ latencyMs }) => latencyMs?.max),
      ],
    },
    {
      title: 'Convergence: publish until every node has it on disk',
      unit: ' ms',
      isLogarithmic: true,
      series: [
        { name: 'each a message', colour: 'var(--good)', drawnAs: 'dots' as const, points: held },
        ...(notHeld.length === 0
          ? []
          : [{ name: 'not confirmed', colour: 'var(--bad)', drawnAs: 'dots' as const, points: notHeld }]),
      ],
    },
    ...(codes.length === 0
      ? []
      : [
          {
            title: 'Failures per second',
            unit: '',
            isLogarithmic: false,
            series: codes
              .slice(0, colours.length)
              .map(({ code }, i) =>
                over(code, colours[i] ?? 'bad', ({ failures }) => (failures[code] ?? 0) / sliceSeconds),
              ),
          },
        ]),
  ]
    .map((plot) => timePlot(plot, whole, bands))
    .join('\n');
}

function requests({ requests: kinds }: LoadReport): string {
  const rows = kinds.map(({ name, succeeded, failed, latencyMs }) => {
    const { p50, p90, p99, max } = printedLatencies(latencyMs);
    const numbers = [...[succeeded, failed].map((count) => count.toLocaleString('en-US')), p50, p90, p99, max];
    return `<tr><th scope="row">${escapeHtml(name)}</th>${numbers.map((cell) => `<td class="number">${cell}</td>`).join('')}</tr>`;
  });
  const heads = ['good', 'failed', 'p50', 'p90', 'p99', 'longest'];
  return table('Requests by kind', ['kind', ...heads], rows);
}

function errors({ errors: codes }: LoadReport): string {
  if (codes.length === 0) return '';
  const rows = codes.map(
    ({ code, count }) => `<tr><th scope="row">${escapeHtml(code)}</th><td class="number">${count}</td></tr>`,
  );
  return table('Failures by code', ['code', 'count'], rows);
}

function table(caption: string, [first = '', ...others]: readonly string[], rows: readonly string[]): string {
  const heads = others.map((head) => `<th scope="col" class="number">${head}</th>`).join('');
  return `<div class="wide"><table><caption>${caption}</caption><thead><tr><th scope="col">${first}</th>${heads}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}
