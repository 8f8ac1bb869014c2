import { type Cluster, type Pair, pairOf } from '../api/cluster.ts';
import { count } from '../format.ts';
import { links } from '../route.ts';

/** How every node stands to every other one. */
export function Matrix({ cluster }: { readonly cluster: Cluster }) {
  const names = cluster.nodes.map(({ name }) => name);
  return (
    <div class="scroll">
      <table class="matrix">
        <caption class="hidden">How the node of the row stands to the node of the column</caption>
        <thead>
          <tr>
            <td />
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((a) => (
            <tr key={a}>
              <th scope="row">{a}</th>
              {names.map((b) => (
                <Cell key={b} a={a} b={b} pair={pairOf(cluster, a, b)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface CellProps {
  readonly a: string;
  readonly b: string;
  readonly pair: Pair | undefined;
}

function Cell({ a, b, pair }: CellProps) {
  if (pair === undefined) return <td class="same" aria-label="itself" />;
  const { state, by } = pair;
  const words = by > 0 ? `${state} by ${count(by)}` : state;
  return (
    <td>
      <a class="state" data-tone={state} href={links.pair(a, b)} title={`Compare ${a} with ${b}`}>
        {words}
      </a>
    </td>
  );
}
