import type { Cluster } from '../api/cluster.ts';
import { comparisonQuery, comparisonSchema, type OriginComparison } from '../api/comparison.ts';
import { useQuery } from '../api/use-query.ts';
import { count } from '../format.ts';
import { Problem } from '../parts/problem.tsx';
import { ShortHash } from '../parts/short-hash.tsx';
import { ForkView } from '../proof/fork-view.tsx';
import { links } from '../route.ts';

interface ComparePageProps {
  readonly a: string | undefined;
  readonly b: string | undefined;
  readonly cluster: Cluster | undefined;
}

/** Two nodes, origin by origin. */
export function ComparePage({ a, b, cluster }: ComparePageProps) {
  const names = cluster?.nodes.map(({ name }) => name) ?? [];
  const first = a ?? names[0] ?? '';
  const second = b ?? names.find((name) => name !== first) ?? '';
  const choose = (nextA: string, nextB: string): void => {
    location.hash = links.pair(nextA, nextB);
  };
  return (
    <>
      <section class="card" aria-labelledby="compare-title">
        <h1 id="compare-title">Compare two nodes</h1>
        <div class="finders">
          <Chooser label="First" names={names} value={first} onChoose={(name) => choose(name, second)} />
          <Chooser label="Second" names={names} value={second} onChoose={(name) => choose(first, name)} />
        </div>
      </section>
      {first !== '' && second !== '' && first !== second && (
        <Result key={`${first} ${second}`} a={first} b={second} cluster={cluster} />
      )}
      {first === second && first !== '' && <p class="note">A node is always equal to itself. Choose two.</p>}
    </>
  );
}

interface ChooserProps {
  readonly label: string;
  readonly names: readonly string[];
  readonly value: string;
  readonly onChoose: (name: string) => void;
}

function Chooser({ label, names, value, onChoose }: ChooserProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ResultProps {
  readonly a: string;
  readonly b: string;
  readonly cluster: Cluster | undefined;
}

function Result({ a, b, cluster }: ResultProps) {
  const { data, problem, again } = useQuery(comparisonSchema, comparisonQuery, { a, b });
  const compare = data?.cluster.compare;
  const evidence = data?.cluster.nodes.flatMap(({ name, forkEvidence }) =>
    (forkEvidence ?? [])
      .filter(({ endedAt, peer }) => endedAt === null && isPair(name, peer, a, b))
      .map((fork) => ({ node: name, fork })),
  );
  const forked = compare?.origins.filter(({ state }) => state === 'forked') ?? [];
  const owners = new Map(cluster?.nodes.map(({ origin, name }) => [origin, name]));
  return (
    <>
      <section class="card" aria-labelledby="origins-title">
        <h2 id="origins-title">
          {a} beside {b}{' '}
          {compare !== undefined && (
            <span class="badge" data-tone={compare.verdict}>
              {compare.verdict}
            </span>
          )}{' '}
          <button type="button" class="quiet" onClick={again}>
            Ask again
          </button>
        </h2>
        <Problem problem={problem} />
        {compare === undefined && problem === undefined && (
          <p class="note">
            {a} is comparing itself with {b}…
          </p>
        )}
        {compare !== undefined && <Origins origins={compare.origins} a={a} b={b} owners={owners} />}
      </section>
      {forked.map((origin) => (
        <ForkView
          key={origin.origin}
          a={a}
          b={b}
          comparison={origin}
          evidence={evidence?.find(({ fork }) => fork.origin === origin.origin)}
          onRepaired={again}
        />
      ))}
    </>
  );
}

interface OriginsProps {
  readonly origins: readonly OriginComparison[];
  readonly a: string;
  readonly b: string;
  readonly owners: ReadonlyMap<string, string>;
}

function Origins({ origins, a, b, owners }: OriginsProps) {
  if (origins.length === 0) return <p class="note">Neither holds anything yet.</p>;
  return (
    <table class="rows">
      <caption class="hidden">Origins</caption>
      <thead>
        <tr>
          <th scope="col">Origin</th>
          <th scope="col">Written by</th>
          <th scope="col">At {a}</th>
          <th scope="col">At {b}</th>
          <th scope="col">{a} is</th>
        </tr>
      </thead>
      <tbody>
        {origins.map(({ origin, sizeA, sizeB, state, by }) => (
          <tr key={origin}>
            <td data-label="Origin">
              <ShortHash hash={origin} what="origin" />
            </td>
            <td data-label="Written by">{owners.get(origin) ?? 'an earlier life'}</td>
            <td data-label={`At ${a}`} class="number">
              {count(sizeA)}
            </td>
            <td data-label={`At ${b}`} class="number">
              {count(sizeB)}
            </td>
            <td data-label={`${a} is`}>
              <span class="badge" data-tone={state}>
                {state}
                {by > 0 && ` by ${count(by)}`}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function isPair(name: string, peer: string, a: string, b: string): boolean {
  return (name === a && peer === b) || (name === b && peer === a);
}
