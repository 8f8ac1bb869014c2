import type { Figures } from '../api/figures.ts';
import { brief, bytes, milliseconds, percent } from '../format.ts';
import { Chart } from './chart.tsx';

/** What the nodes did. */
export function ClusterCharts({ figures }: { readonly figures: readonly Figures[] }) {
  const moments = figures.map(({ at }) => at);
  const of = (name: keyof Omit<Figures, 'at' | 'verdict' | 'gateway'>): (number | null)[] =>
    figures.map((one) => one[name]);
  return (
    <div class="charts">
      <Chart
        title="Published"
        note="Messages per second"
        moments={moments}
        format={brief}
        lines={[{ name: '', colour: '--line-1', values: of('publishedPerSecond') }]}
      />
      <Chart
        title="Convergence"
        note="From publish to other disks"
        moments={moments}
        format={milliseconds}
        lines={[
          { name: 'median', colour: '--line-1', values: of('convergenceMs') },
          { name: '99 %', colour: '--line-2', values: of('convergenceHighMs') },
        ]}
      />
      <Chart
        title="Gossip"
        note="Bytes per second, all nodes"
        moments={moments}
        format={bytes}
        lines={[{ name: '', colour: '--line-1', values: of('gossipBytesPerSecond') }]}
      />
      <Chart
        title="Duplicates"
        note="Segments that were known"
        moments={moments}
        format={percent}
        lines={[{ name: '', colour: '--line-1', values: of('duplicateShare') }]}
      />
      <Chart
        title="Pull round trips"
        note="Per second, all nodes"
        moments={moments}
        format={brief}
        lines={[{ name: '', colour: '--line-1', values: of('pullsPerSecond') }]}
      />
    </div>
  );
}
