import { systemClock } from '@grapevine/shared/clock.ts';
import type { Caller } from '@grapevine/shared/cluster-client/caller.ts';
import { type ConsistencyReport, consistencyReport } from '@grapevine/shared/cluster-client/consistency-report.ts';
import { pause } from '@grapevine/shared/cluster-client/pause.ts';
import type { GraphContext } from '../graph-context.ts';
import { builder, type FieldRules } from './builder.ts';
import { ComparisonType } from './comparison.ts';
import { ClusterNodeType, ConsistencyReportType } from './consistency.ts';
import { FiguresType } from './figures.ts';

/** Asking every node for its heads. */
const reportCost = 50;
/** Time between two looks at the cluster for `clusterChanged`, in milliseconds. With the one below it keeps news under two seconds. */
const pollMs = 500;
/** Longest that such a look waits for a node, in milliseconds: one that says nothing for so long is unreachable until the next. */
const patienceMs = 1_000;

/** A cluster as one document sees it: its nodes and their consistency come from the same look. */
class ClusterLook {
  readonly #context: GraphContext;
  readonly #caller: Caller;
  #report: Promise<ConsistencyReport> | undefined;

  constructor(context: GraphContext, patienceMs?: number) {
    this.#context = context;
    this.#caller =
      patienceMs === undefined
        ? context.caller
        : { ...context.caller, deadlineMs: systemClock.monotonicMs() + patienceMs };
  }

  report(): Promise<ConsistencyReport> {
    this.#report ??= consistencyReport(this.#context.cluster, this.#caller);
    return this.#report;
  }
}

const ClusterType = builder.objectRef<ClusterLook>('Cluster').implement({
  fields: (t) => ({
    nodes: t.field({ type: [ClusterNodeType], resolve: async (look) => [...(await look.report()).nodes] }),
    figures: t.field({
      type: [FiguresType],
      description: 'What happened in the last quarter of an hour, every few seconds, oldest first.',
      args: { since: t.arg({ type: 'DateTime', description: 'Only what came after this.' }) },
      resolve: (_look, { since }, { figures }) => [...figures.since(since?.getTime() ?? 0)],
    }),
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
    const look = new ClusterLook(context, patienceMs);
    // A look that ends because the client is gone has failed nobody.
    const report = await look.report().catch((error: unknown) => {
      if (signal?.aborted !== true) throw error;
    });
    if (report === undefined) return;
    const now = JSON.stringify(report);
    if (now !== last) yield look;
    last = now;
    await pause(pollMs, signal);
  }
}
