import type { Cluster } from '../api/cluster.ts';
import { lagOf, pairOf } from '../api/cluster.ts';
import { headsQuery, headsSchema } from '../api/comparison.ts';
import { useQuery } from '../api/use-query.ts';
import { count, dateAndTime, duration } from '../format.ts';
import { Facts } from '../parts/facts.tsx';
import { NodeState } from '../parts/node-table.tsx';
import { Problem } from '../parts/problem.tsx';
import { ShortHash } from '../parts/short-hash.tsx';
import { links } from '../route.ts';

interface NodePageProps {
  readonly name: string;
  readonly cluster: Cluster | undefined;
}

/** All that is known of one node. */
export function NodePage({ name, cluster }: NodePageProps) {
  const node = cluster?.nodes.find((one) => one.name === name);
  const { data, problem, again } = useQuery(headsSchema, headsQuery);
  if (cluster === undefined) return <p class="note">Asking the cluster…</p>;
  if (node === undefined) {
    return (
      <section class="card">
        <h1>No node is called {name}</h1>
        <p>
          <a href={links.overview}>All nodes</a>
        </p>
      </section>
    );
  }
  const heads = data?.cluster.nodes.find((one) => one.name === name)?.heads ?? [];
  const owners = new Map(cluster.nodes.map((one) => [one.origin, one.name]));
  const facts = [
    ['Origin', <ShortHash key="origin" hash={node.origin} what="origin" digits={24} />],
    ['Root', node.root === null ? '–' : <ShortHash key="root" hash={node.root} what="root" digits={24} />],
    ['Messages', node.messages === null ? '–' : count(node.messages)],
    ['Lag', node.reachable ? count(lagOf(cluster, name)) : '–'],
    ['Started', `${dateAndTime(node.startedAt)}, ${duration(Date.now() - Date.parse(node.startedAt))} ago`],
    ['HTTP', <code key="http">{node.http}</code>],
    ['Gossip', <code key="udp">{node.udp}</code>],
    ['Protocol', `version ${node.protocol}`],
    ['Forks that last', node.forks ?? '–'],
    ['Damaged segments', node.quarantined ?? '–'],
    ['View records mended', node.mendedViews ?? '–'],
  ] as const;
  return (
    <>
      <section class="card" aria-labelledby="node-title">
        <h1 id="node-title">
          {name} <NodeState node={node} />
        </h1>
        <Facts facts={facts} />
      </section>
      <section class="card" aria-labelledby="peers-title">
        <h2 id="peers-title">Beside the others</h2>
        <ul class="peers">
          {cluster.nodes.flatMap((other) => {
            const pair = pairOf(cluster, name, other.name);
            if (pair === undefined) return [];
            return (
              <li key={other.name}>
                <span class="badge" data-tone={pair.state}>
                  {pair.state}
                  {pair.by > 0 && ` by ${count(pair.by)}`}
                </span>{' '}
                <a href={links.pair(name, other.name)}>Compare with {other.name}</a>
              </li>
            );
          })}
        </ul>
      </section>
      <section class="card" aria-labelledby="heads-title">
        <h2 id="heads-title">
          Signed heads{' '}
          <button type="button" class="quiet" onClick={again}>
            Ask again
          </button>
        </h2>
        <Problem problem={problem} />
        <table class="rows">
          <caption class="hidden">What it holds of every origin</caption>
          <thead>
            <tr>
              <th scope="col">Origin</th>
              <th scope="col">Written by</th>
              <th scope="col">Entries</th>
              <th scope="col">Root</th>
            </tr>
          </thead>
          <tbody>
            {heads.map((head) => (
              <tr key={head.origin}>
                <td data-label="Origin">
                  <ShortHash hash={head.origin} what="origin" />
                </td>
                <td data-label="Written by">{owners.get(head.origin) ?? 'an earlier life'}</td>
                <td data-label="Entries" class="number">
                  {count(head.size)}
                </td>
                <td data-label="Root">
                  <ShortHash hash={head.root} what="root" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {data !== undefined && heads.length === 0 && <p class="note">It holds nothing yet, or did not answer.</p>}
      </section>
    </>
  );
}
