import { type ConsistencyReport, consistencyReport } from '@grapevine/shared/cluster-client/consistency-report.ts';
import { pause } from '@grapevine/shared/cluster-client/pause.ts';
import type { GraphContext } from '../graph-context.ts';
import { builder, type FieldRules } from './builder.ts';
import { ComparisonType } from './comparison.ts';
import { ClusterNodeType, ConsistencyReportType } from './consistency.ts';

/** Asking every node for its heads. */
const reportCost = 50;
/** Time between two looks at the cluster for `clusterChanged`, in milliseconds: an operator's glance, not a control loop. */
const pollMs = 1_000;

/** A cluster as one document sees it: its nodes and their consistency come from the same look. */
class ClusterLook {
  readonly #context: GraphContext;
  #report: Promise<ConsistencyReport> | undefined;

  constructor(context: GraphContext) {
    this.#context = context;
  }

  report(): Promise<ConsistencyReport> {
    this.#report ??= consistencyReport(this.#context.cluster, this.#context.caller);
    return this.#report;
  }
}

const ClusterType = builder.objectRef<ClusterLook>('Cluster').implement({
  fields: (t) => ({
    nodes: t.field({ type: [ClusterNodeType], resolve: async (look) => [...(await look.report()).nodes] }),
    consistency: t.field({ type: ConsistencyReportType, resolve: (look) => look.report() }),
    compare: t.field({
      type: ComparisonType,
      description: 'Two nodes by name; `a` does the work and checks the signatures of `b`.',
      args: { a: t.arg.id({ required: true }), b: t.arg.id({ required: true }) },
      resolve: (_look, { a, b }, { cluster, caller }) => cluster.compare(caller, a, b),
    }),
  }),
});

const rules: FieldRules = { scope: 'cluster:read', cost: reportCost };

builder.queryField('cluster', (t) =>
  t.field({
    type: ClusterType,
    extensions: { ...rules },
    resolve: (_root, _args, context) => new ClusterLook(context),
  }),
);

builder.subscriptionField('clusterChanged', (t) =>
  t.field({
    type: ClusterType,
    description: `The cluster now, and again whenever a look every ${pollMs} ms finds it changed.`,
    extensions: { ...rules },
    subscribe: (_root, _args, context) => changes(context),
    resolve: (look) => look,
  }),
);

async function* changes(context: GraphContext): AsyncGenerator<ClusterLook> {
  const { signal } = context.caller;
  let last = '';
  while (signal?.aborted !== true) {
    const look = new ClusterLook(context);
    const now = JSON.stringify(await look.report());
    if (now !== last) yield look;
    last = now;
    await pause(pollMs, signal);
  }
}
