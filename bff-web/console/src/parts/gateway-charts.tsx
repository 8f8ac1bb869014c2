import type { Figures, GatewayFigures } from '../api/figures.ts';
import { brief, milliseconds, percent } from '../format.ts';
import { Chart, type Line } from './chart.tsx';

const colours = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5'];

/** What the edge did: requests by route, latency, refusals, cache. */
export function GatewayCharts({ figures }: { readonly figures: readonly Figures[] }) {
  const moments = figures.map(({ at }) => at);
  const of = (pick: (gateway: GatewayFigures) => number | null): (number | null)[] =>
    figures.map(({ gateway }) => (gateway === null ? null : pick(gateway)));
  return (
    <div class="charts">
      <Chart
        title="Requests"
        note="Per second, by route"
        moments={moments}
        format={brief}
        lines={routeLines(figures)}
      />
      <Chart
        title="Answers"
        note="Per second, by status"
        moments={moments}
        format={brief}
        lines={[
          { name: '2xx', colour: '--line-1', values: of((gateway) => rateOf(gateway, '2xx')) },
          { name: '4xx', colour: '--line-2', values: of((gateway) => rateOf(gateway, '4xx')) },
          { name: '5xx', colour: '--line-4', values: of((gateway) => rateOf(gateway, '5xx')) },
        ]}
      />
      <Chart
        title="Latency"
        note="Until the answer’s end"
        moments={moments}
        format={milliseconds}
        lines={[
          { name: '50 %', colour: '--line-1', values: of(({ p50Ms }) => p50Ms) },
          { name: '90 %', colour: '--line-3', values: of(({ p90Ms }) => p90Ms) },
          { name: '99 %', colour: '--line-2', values: of(({ p99Ms }) => p99Ms) },
        ]}
      />
      <Chart
        title="Turned away"
        note="Per second"
        moments={moments}
        format={brief}
        lines={[
          { name: 'rates', colour: '--line-1', values: of(({ limitedPerSecond }) => limitedPerSecond) },
          { name: 'load', colour: '--line-2', values: of(({ shedPerSecond }) => shedPerSecond) },
        ]}
      />
      <Chart
        title="Cache hits"
        note="On routes with a cache"
        moments={moments}
        format={percent}
        lines={[{ name: '', colour: '--line-1', values: of(({ cacheHitShare }) => cacheHitShare) }]}
      />
    </div>
  );
}

function rateOf({ requests }: GatewayFigures, status: string): number {
  return requests.reduce((sum, rate) => sum + (rate.status === status ? rate.perSecond : 0), 0);
}

/** The busiest routes, as many as there are colours. */
function routeLines(figures: readonly Figures[]): Line[] {
  const totals = new Map<string, number>();
  for (const { route, perSecond } of figures.flatMap(({ gateway }) => gateway?.requests ?? [])) {
    totals.set(route, (totals.get(route) ?? 0) + perSecond);
  }
  const busiest = [...totals].sort(([, a], [, b]) => b - a).slice(0, colours.length);
  if (busiest.length === 0) return [{ name: 'requests', colour: '--line-1', values: figures.map(() => null) }];
  return busiest.map(([name], index) => ({
    name,
    colour: colours[index] ?? '--line-1',
    values: figures.map(({ gateway }) =>
      gateway === null
        ? null
        : gateway.requests.reduce((sum, rate) => sum + (rate.route === name ? rate.perSecond : 0), 0),
    ),
  }));
}
