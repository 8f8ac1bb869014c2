import type { ConsistencyReport, NodeReport, PairReport } from '@grapevine/shared/cluster-client/consistency-report.ts';
import { type CatchUp, memberStateSchema } from '@grapevine/shared/contracts/node-api.ts';
import { builder, type FieldRules } from './builder.ts';
import { PairStateType } from './comparison.ts';
import { ForkType } from './fork.ts';
import { SignedHeadType } from './inclusion-proof.ts';

/** A call of its own to the node. */
const headRules: FieldRules = { cost: 10 };

const MemberStateType = builder.enumType('MemberState', {
  description: 'A node as the cluster’s failure detector sees it.',
  values: memberStateSchema.options,
});

const CatchUpType = builder.objectRef<CatchUp>('CatchUp').implement({
  description: 'A node that is far behind streams what it lacks from a peer.',
  fields: (t) => ({
    from: t.exposeID('from', { description: 'The peer.' }),
    entries: t.expose('entries', { type: 'BigInt', description: 'Messages received so far.' }),
    of: t.expose('of', { type: 'BigInt', description: 'Messages that it lacked when the stream began.' }),
    bytesPerSecond: t.expose('bytesPerSecond', { type: 'BigInt' }),
  }),
});

export const ClusterNodeType = builder.objectRef<NodeReport>('ClusterNode').implement({
  fields: (t) => ({
    name: t.exposeID('name'),
    origin: t.exposeID('origin', { description: 'The log that the node writes.' }),
    state: t.expose('state', { type: MemberStateType }),
    reachable: t.exposeBoolean('reachable', { description: 'Whether it answered just now.' }),
    root: t.exposeString('root', { nullable: true, description: 'Equal roots mean byte-identical content. In hex.' }),
    startedAt: t.expose('bootEpoch', { type: 'DateTime' }),
    protocol: t.int({
      description: 'Newest version of the protocol between nodes that it speaks.',
      resolve: ({ versions }) => versions.highest,
    }),
    http: t.exposeString('http', { description: 'Base URL of its API.' }),
    udp: t.exposeString('udp', { description: '`host:port` of its gossip socket.' }),
    heads: t.field({
      type: [SignedHeadType],
      nullable: true,
      description: 'What it holds of every origin, each signed by that; null when it does not answer.',
      extensions: { ...headRules },
      resolve: async ({ name, reachable }, _args, { cluster, caller }) =>
        reachable ? (await cluster.heads(caller, name)).heads : null,
    }),
    forkEvidence: t.field({
      type: [ForkType],
      nullable: true,
      description: 'Every fork that it has seen, those that last first; null when it does not answer.',
      extensions: { ...headRules },
      resolve: async ({ name, reachable }, _args, { cluster, caller }) =>
        reachable ? [...(await cluster.forks(caller, name))] : null,
    }),
    messages: t.expose('messages', { type: 'BigInt', nullable: true, description: 'Over all origins.' }),
    catchUp: t.expose('catchUp', { type: CatchUpType, nullable: true, description: 'While it catches up.' }),
    forks: t.exposeInt('forks', {
      nullable: true,
      description: 'Forks that it has seen between its logs and those of other nodes, and that last.',
    }),
    mendedViews: t.exposeInt('mendedViews', {
      nullable: true,
      description:
        'Records of topics and indexes that were wrong and that it has made anew from its logs since its start.',
    }),
    quarantined: t.exposeInt('quarantined', {
      nullable: true,
      description: 'Damaged segments that it has taken out of service and is getting from other nodes.',
    }),
  }),
});

export const VerdictType = builder.enumType('Verdict', {
  description: 'Whether all replicas tell the same story.',
  values: {
    equal: { description: 'All hold the same.' },
    behind: { description: 'Some lack entries that others have. Gossip brings them.' },
    forked: { description: 'Two contradict each other: damage that does not heal by itself.' },
    unreachable: { description: 'Some did not answer; those that did do not contradict each other.' },
  } as const,
});

const PairReportType = builder.objectRef<PairReport>('PairReport').implement({
  fields: (t) => ({
    a: t.exposeID('a'),
    b: t.exposeID('b'),
    state: t.expose('state', { type: PairStateType, description: 'How `a` stands to `b`.' }),
    by: t.expose('by', { type: 'BigInt', description: 'Entries that one lacks of the other, both ways together.' }),
  }),
});

export const ConsistencyReportType = builder.objectRef<ConsistencyReport>('ConsistencyReport').implement({
  fields: (t) => ({
    verdict: t.expose('verdict', { type: VerdictType }),
    pairs: t.field({
      type: [PairReportType],
      description: 'Every pair of nodes once.',
      resolve: ({ pairs }) => [...pairs],
    }),
  }),
});
