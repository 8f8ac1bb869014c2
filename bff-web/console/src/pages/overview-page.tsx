import type { Verdict } from '../api/cluster.ts';
import type { Figures } from '../api/figures.ts';
import type { ClusterNews } from '../api/use-cluster.ts';
import { Breakers } from '../parts/breakers.tsx';
import { ClusterCharts } from '../parts/cluster-charts.tsx';
import { GatewayCharts } from '../parts/gateway-charts.tsx';
import { Matrix } from '../parts/matrix.tsx';
import { NodeTable } from '../parts/node-table.tsx';
import { VerdictBanner } from '../parts/verdict-banner.tsx';

interface OverviewPageProps {
  readonly news: ClusterNews;
  readonly figures: readonly Figures[];
}

/** The first screen: do the replicas agree, who lags, who is damaged, what is the edge doing? */
export function OverviewPage({ news, figures }: OverviewPageProps) {
  const { cluster, since, sawChange, connection, problem } = news;
  if (cluster === undefined) return <Waiting problem={problem} />;
  const gateway = figures.at(-1)?.gateway ?? null;
  const start = sawChange ? { since, exact: true } : startOf(cluster.consistency.verdict, figures, since);
  return (
    <>
      <VerdictBanner cluster={cluster} since={start.since} exact={start.exact} stale={connection === 'lost'} />
      <div class="columns">
        <section class="card" aria-labelledby="nodes-title">
          <h2 id="nodes-title">Nodes</h2>
          <NodeTable cluster={cluster} />
        </section>
        <section class="card" aria-labelledby="matrix-title">
          <h2 id="matrix-title">Node by node</h2>
          <Matrix cluster={cluster} />
          <p class="note">How the node of the row stands to the node of the column. Choose one to compare the two.</p>
        </section>
      </div>
      <section class="card" aria-labelledby="cluster-title">
        <h2 id="cluster-title">Cluster, last 15 minutes</h2>
        <ClusterCharts figures={figures} />
      </section>
      <section class="card" aria-labelledby="gateway-title">
        <h2 id="gateway-title">Gateway, last 15 minutes</h2>
        {gateway !== null && <Breakers breakers={gateway.breakers} />}
        {figures.some((one) => one.gateway !== null) ? (
          <GatewayCharts figures={figures} />
        ) : (
          <p class="note">Nothing is known of the gateway yet. bffWeb.gatewayMetrics says where its metrics are.</p>
        )}
      </section>
    </>
  );
}

/** Since when the verdict is what it is, by what the server has seen before this page was opened. */
function startOf(verdict: Verdict, figures: readonly Figures[], openedAt: number): { since: number; exact: boolean } {
  const other = figures.findLastIndex((one) => one.verdict !== verdict);
  const first = figures[other + 1];
  // The newest sample may be of before the last change.
  if (first === undefined) return { since: openedAt, exact: false };
  return { since: Math.min(openedAt, first.at), exact: other >= 0 };
}

function Waiting({ problem }: { readonly problem: string | undefined }) {
  return (
    <section class="verdict" data-tone="waiting" aria-label="Verdict">
      <div role="status">
        <h1>{problem === undefined ? 'Asking the cluster…' : 'The cluster cannot be asked'}</h1>
        <p>{problem ?? 'One moment.'}</p>
      </div>
    </section>
  );
}
