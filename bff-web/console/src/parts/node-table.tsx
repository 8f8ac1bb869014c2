import { type Cluster, type ClusterNode, lagOf } from '../api/cluster.ts';
import { count, counted, duration } from '../format.ts';
import { links } from '../route.ts';
import { ShortHash } from './short-hash.tsx';

/** Every node with what it holds and how it is. On a narrow screen each row becomes a card. */
export function NodeTable({ cluster }: { readonly cluster: Cluster }) {
  return (
    <table class="nodes">
      <caption class="hidden">Nodes</caption>
      <thead>
        <tr>
          {['Node', 'State', 'Root', 'Messages', 'Lag', 'Uptime', 'Protocol'].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {cluster.nodes.map((node) => (
          <Row key={node.name} node={node} lag={lagOf(cluster, node.name)} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ node, lag }: { readonly node: ClusterNode; readonly lag: number }) {
  const { name, root, messages, startedAt, protocol, reachable } = node;
  return (
    <tr>
      <th scope="row">
        <a href={links.node(name)}>{name}</a>
      </th>
      <td data-label="State">
        <NodeState node={node} />
      </td>
      <td data-label="Root">{root === null ? '–' : <ShortHash hash={root} what={`root of ${name}`} />}</td>
      <td data-label="Messages" class="number">
        {messages === null ? '–' : count(messages)}
      </td>
      <td data-label="Lag" class="number">
        {!reachable ? '–' : lag === 0 ? '0' : <strong data-tone="behind">{count(lag)}</strong>}
      </td>
      <td data-label="Uptime" class="number">
        {reachable ? duration(Date.now() - Date.parse(startedAt)) : '–'}
      </td>
      <td data-label="Protocol" class="number">
        {protocol}
      </td>
    </tr>
  );
}

/** The worst that can be said of a node, in a word or two. */
export function NodeState({ node }: { readonly node: ClusterNode }) {
  const { reachable, state, forks, quarantined, catchUp } = node;
  if (!reachable)
    return <Badge tone="unreachable" words={state === 'alive' ? 'unreachable' : `unreachable, ${state}`} />;
  if ((forks ?? 0) > 0) return <Badge tone="forked" words="forked" />;
  if ((quarantined ?? 0) > 0) return <Badge tone="forked" words={counted(quarantined ?? 0, 'damaged segment')} />;
  if (catchUp !== null) {
    return <Badge tone="behind" words={`catching up, ${count(catchUp.entries)} of ${count(catchUp.of)}`} />;
  }
  return <Badge tone={state === 'alive' ? 'equal' : 'behind'} words={state} />;
}

function Badge({ tone, words }: { readonly tone: string; readonly words: string }) {
  return (
    <span class="badge" data-tone={tone}>
      {words}
    </span>
  );
}
