import type { Comparison, OriginComparison } from '../contracts/node-api.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';

/** What a comparison needs of a head; `root` in lower-case hex. Whoever fetched the heads has checked their signatures, or says that it has not. */
export interface ComparedHead {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
}

export interface ComparedNode {
  readonly node: string;
  readonly heads: readonly ComparedHead[];
}

/** The root, in hex, that one side's log of `origin` had at `size`; `undefined` when that side cannot say. */
export type RootAt = (side: 'a' | 'b', origin: string, size: number) => Promise<string | undefined>;

/** Roots asked for at once. Each may be a network call: more would let one comparison crowd out a node's other callers. */
const concurrentQuestions = 8;

/**
 * Compares two nodes origin by origin at the smaller of their two sizes: the same root there and the same size is
 * `equal`, the same root and different sizes is `behind` or `ahead` (as `a` stands to `b`), different roots are `forked`.
 * Sizes that move while this runs do no harm, since a log's root at a given size never changes: lag is never taken for
 * damage. Throws `UPSTREAM_FAILED` when a side cannot give the root of a log at a size that its own head covers.
 */
export async function compareHeads(a: ComparedNode, b: ComparedNode, rootAt: RootAt): Promise<Comparison> {
  const headsA = byOrigin(a.heads);
  const headsB = byOrigin(b.heads);
  const origins = [...new Set([...headsA.keys(), ...headsB.keys()])].sort();
  const compared: OriginComparison[] = [];
  for (let from = 0; from < origins.length; from += concurrentQuestions) {
    const slice = origins.slice(from, from + concurrentQuestions);
    const states = slice.map((origin) => compareOrigin(origin, headsA.get(origin), headsB.get(origin), ask));
    compared.push(...(await Promise.all(states)));
  }
  return { a: a.node, b: b.node, ...summarise(compared), origins: compared };

  async function ask(side: 'a' | 'b', origin: string, size: number): Promise<string> {
    const root = await rootAt(side, origin, size);
    if (root !== undefined) return root;
    const { node } = side === 'a' ? a : b;
    throw new GrapevineError(
      'UPSTREAM_FAILED',
      `Node ${node} gave a head for origin ${origin} beyond ${size} entries, but no root at ${size}.`,
    );
  }
}

async function compareOrigin(
  origin: string,
  a: ComparedHead | undefined,
  b: ComparedHead | undefined,
  rootAt: (side: 'a' | 'b', origin: string, size: number) => Promise<string>,
): Promise<OriginComparison> {
  const sizeA = a?.size ?? 0;
  const sizeB = b?.size ?? 0;
  const smaller = Math.min(sizeA, sizeB);
  const sizes = { origin, sizeA, sizeB };
  // Nothing contradicts an empty log, whatever its head says of the root.
  if (a !== undefined && b !== undefined && smaller > 0) {
    const rootA = sizeA === smaller ? a.root : await rootAt('a', origin, smaller);
    const rootB = sizeB === smaller ? b.root : await rootAt('b', origin, smaller);
    if (rootA !== rootB) return { ...sizes, state: 'forked', by: 0 };
  }
  if (sizeA === sizeB) return { ...sizes, state: 'equal', by: 0 };
  return { ...sizes, state: sizeA < sizeB ? 'behind' : 'ahead', by: Math.abs(sizeA - sizeB) };
}

/** The worst of the origins; being behind in one and ahead in another is `diverged`, which is lag, not damage. */
function summarise(origins: readonly OriginComparison[]): Pick<Comparison, 'verdict' | 'behindBy' | 'aheadBy'> {
  const total = (state: OriginComparison['state']): number =>
    origins.reduce((sum, origin) => (origin.state === state ? sum + origin.by : sum), 0);
  const behindBy = total('behind');
  const aheadBy = total('ahead');
  const forked = origins.some((origin) => origin.state === 'forked');
  return { verdict: verdictOf(forked, behindBy, aheadBy), behindBy, aheadBy };
}

function verdictOf(forked: boolean, behindBy: number, aheadBy: number): Comparison['verdict'] {
  if (forked) return 'forked';
  if (behindBy > 0 && aheadBy > 0) return 'diverged';
  if (behindBy > 0) return 'behind';
  return aheadBy > 0 ? 'ahead' : 'equal';
}

function byOrigin(heads: readonly ComparedHead[]): ReadonlyMap<string, ComparedHead> {
  return new Map(heads.map((head) => [head.origin, head]));
}
