import { z } from 'zod';

export const verdictSchema = z.enum(['equal', 'behind', 'forked', 'unreachable']);
export type Verdict = z.infer<typeof verdictSchema>;

const pairSchema = z.object({
  a: z.string(),
  b: z.string(),
  state: z.enum(['equal', 'behind', 'ahead', 'diverged', 'forked', 'unreachable']),
  by: z.number(),
});
export type Pair = z.infer<typeof pairSchema>;
export type PairState = Pair['state'];

const nodeSchema = z.object({
  name: z.string(),
  origin: z.string(),
  state: z.string(),
  reachable: z.boolean(),
  root: z.string().nullable(),
  messages: z.number().nullable(),
  startedAt: z.string(),
  protocol: z.number(),
  http: z.string(),
  udp: z.string(),
  forks: z.number().nullable(),
  quarantined: z.number().nullable(),
  mendedViews: z.number().nullable(),
  catchUp: z.object({ from: z.string(), entries: z.number(), of: z.number(), bytesPerSecond: z.number() }).nullable(),
});
export type ClusterNode = z.infer<typeof nodeSchema>;

export const clusterSchema = z.object({
  consistency: z.object({ verdict: verdictSchema, pairs: z.array(pairSchema) }),
  nodes: z.array(nodeSchema),
});
export type Cluster = z.infer<typeof clusterSchema>;

export const clusterChangedSchema = z.object({ clusterChanged: clusterSchema });
export const clusterChanged = `subscription Cluster { clusterChanged {
  consistency { verdict pairs { a b state by } }
  nodes {
    name origin state reachable root messages startedAt protocol http udp forks quarantined mendedViews
    catchUp { from entries of bytesPerSecond }
  }
} }`;

const opposite: Partial<Record<PairState, PairState>> = { behind: 'ahead', ahead: 'behind' };

/** How `a` stands to `b`; undefined for a node and itself. */
export function pairOf(cluster: Cluster, a: string, b: string): Pair | undefined {
  const pair = cluster.consistency.pairs.find((one) => (one.a === a && one.b === b) || (one.a === b && one.b === a));
  if (pair === undefined || pair.a === a) return pair;
  return { a, b, state: opposite[pair.state] ?? pair.state, by: pair.by };
}

/** Messages that the node lacks of what some other holds. */
export function lagOf(cluster: Cluster, name: string): number {
  const others = cluster.nodes.map((other) => pairOf(cluster, name, other.name));
  return Math.max(0, ...others.map((pair) => (pair?.state === 'behind' || pair?.state === 'diverged' ? pair.by : 0)));
}
