import { useEffect, useState } from 'preact/hooks';
import { type Cluster, lagOf } from '../api/cluster.ts';
import { count, counted, duration, time } from '../format.ts';

interface VerdictBannerProps {
  readonly cluster: Cluster;
  readonly since: number;
  /** Whether it began then, or was so already when somebody first looked. */
  readonly exact: boolean;
  /** Whether this is how things were rather than how they are. */
  readonly stale: boolean;
}

/** The answer to the question that the console is for, in one line and one colour. */
export function VerdictBanner({ cluster, since, exact, stale }: VerdictBannerProps) {
  const { headline, detail } = wordsFor(cluster);
  const { verdict } = cluster.consistency;
  // Equal roots say nothing of what a disk has done to a node's entries since: that must not look well.
  const tone = verdict === 'equal' && damagedNodes(cluster).length > 0 ? 'damaged' : verdict;
  return (
    <section class="verdict" data-tone={tone} data-stale={stale} aria-label="Verdict">
      <Sign tone={tone} />
      <div role="status">
        <h1>{headline}</h1>
        <p>{detail}</p>
      </div>
      <p class="since">
        <span>
          {exact ? 'since' : 'at least since'} {time(since)}
        </span>
        <strong>
          <Age since={since} />
        </strong>
      </p>
    </section>
  );
}

function wordsFor(cluster: Cluster): { readonly headline: string; readonly detail: string } {
  const { nodes, consistency } = cluster;
  const silent = nodes.filter(({ reachable }) => !reachable).map(({ name }) => name);
  const behind = nodes.filter(({ name }) => lagOf(cluster, name) > 0);
  const missing = Math.max(0, ...nodes.map(({ name }) => lagOf(cluster, name)));
  const unheard = silent.length === 0 ? '' : ` No answer from ${silent.join(', ')}.`;
  const damaged = damagedNodes(cluster);
  const damage = damaged.length === 0 ? '' : ` Damaged segments are out of service at ${damaged.join(', ')}.`;
  switch (consistency.verdict) {
    case 'equal':
      return damaged.length === 0
        ? {
            headline: 'All replicas agree',
            detail: `${counted(nodes.length, 'node')} hold the same ${counted(nodes[0]?.messages ?? 0, 'message')}, byte for byte.`,
          }
        : { headline: 'Replicas agree, but have damaged segments', detail: `Their roots are equal.${damage}` };
    case 'behind':
      return {
        headline: `${behind.length} of ${counted(nodes.length, 'node')} ${behind.length === 1 ? 'is' : 'are'} behind`,
        detail: `By ${counted(missing, 'message')} at most. That is lag, not damage: gossip brings what is missing.${damage}`,
      };
    case 'forked':
      return {
        headline: 'Replicas contradict each other',
        detail: `${forkedPairs(cluster)}This is a fork, not lag, and does not heal by itself.${unheard}${damage}`,
      };
    case 'unreachable':
      return {
        headline: `${silent.length === 1 ? `${silent[0]} is` : `${count(silent.length)} nodes are`} unreachable`,
        detail: `${silent.length > 1 ? `No answer from ${silent.join(', ')}. ` : ''}Those that answer do not contradict each other.${damage}`,
      };
  }
}

/** Names of nodes that have taken segments out of service, for what a disk has done to them. */
function damagedNodes({ nodes }: Cluster): string[] {
  return nodes.filter(({ quarantined }) => (quarantined ?? 0) > 0).map(({ name }) => name);
}

function forkedPairs({ consistency }: Cluster): string {
  const pairs = consistency.pairs.filter(({ state }) => state === 'forked').map(({ a, b }) => `${a} and ${b}`);
  return pairs.length === 0 ? '' : `${pairs.join(', ')} hold different entries at the same place of a log. `;
}

/** The same as the colour says, for those who do not see it. */
function Sign({ tone }: { readonly tone: string }) {
  const paths: Readonly<Record<string, string>> = {
    equal: 'M7 16.5l6 6 12-13',
    behind: 'M16 4a12 12 0 1 1-.01 0M16 10v7l4.5 3',
    forked: 'M16 27V17M16 17L7 7M16 17l9-10',
    unreachable: 'M8 8l16 16M24 8L8 24',
    damaged: 'M16 6v13M16 25v.5',
  };
  return (
    <svg class="sign" width="44" height="44" viewBox="0 0 32 32" aria-hidden="true">
      <path d={paths[tone] ?? ''} />
    </svg>
  );
}

/** Counts on while nothing else happens. */
function Age({ since }: { readonly since: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <>{duration(now - since)}</>;
}
