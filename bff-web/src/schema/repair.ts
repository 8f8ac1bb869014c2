import {
  maxMessagesNamed,
  maxStretchesNamed,
  type OriginRepair,
  type RepairReport,
  repairRequestSchema,
  type SetAsideReport,
} from '@grapevine/shared/contracts/repair.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { builder, type FieldRules } from './builder.ts';

const RepairStateType = builder.enumType('RepairState', {
  values: {
    sound: { description: 'Nothing was damaged.' },
    mended: { description: 'Everything that was damaged is whole again.' },
    damaged: { description: 'Something is left, or in a dry run would be mended.' },
    forked: {
      description: 'There is another signed history of this log. Nothing was touched: people decide which one stays.',
    },
    adopted: { description: 'Another history has taken the place of the one that the node had.' },
    unfinished: { description: 'Nothing is left so far, but not all has been checked.' },
  } as const,
});

const DamagedStretchType = builder.objectRef<OriginRepair['left'][number]>('DamagedStretch').implement({
  description: 'Entries of a log that are damaged.',
  fields: (t) => ({
    firstSeq: t.expose('firstSeq', { type: 'BigInt' }),
    endSeq: t.expose('endSeq', { type: 'BigInt', description: 'The first entry behind them.' }),
    damage: t.exposeString('damage', { description: 'What is wrong with them.' }),
    why: t.exposeString('why', { description: 'Why they are not mended; in a dry run, what would be done.' }),
  }),
});

const RepairForkType = builder.objectRef<NonNullable<OriginRepair['fork']>>('RepairFork').implement({
  description: 'Where two histories of one log part.',
  fields: (t) => ({
    seq: t.expose('seq', { type: 'BigInt', description: 'The first entry that differs.' }),
    own: t.exposeID('own', { description: 'Its id at the node.' }),
    other: t.exposeID('other', { description: 'Its id at `peer`.' }),
    peer: t.exposeID('peer'),
  }),
});

const SetAsideMessageType = builder.objectRef<SetAsideReport['messages'][number]>('SetAsideMessage').implement({
  fields: (t) => ({
    seq: t.expose('seq', { type: 'BigInt' }),
    id: t.exposeID('id'),
    topic: t.exposeString('topic'),
    author: t.exposeString('author'),
  }),
});

const SetAsideType = builder.objectRef<SetAsideReport>('SetAside').implement({
  description: 'A history that a node has given up, and where it is kept.',
  fields: (t) => ({
    peer: t.exposeID('peer', { description: 'Name of the member whose history has taken its place.' }),
    folder: t.exposeString('folder', { description: "Within the node's data folder." }),
    firstSeq: t.expose('firstSeq', {
      type: 'BigInt',
      description: 'The first entry that the other history does not have.',
    }),
    endSeq: t.expose('endSeq', { type: 'BigInt', description: 'The first entry behind them.' }),
    messages: t.expose('messages', {
      type: [SetAsideMessageType],
      description: `At most ${maxMessagesNamed} of them; all are in the folder.`,
    }),
  }),
});

const OriginRepairType = builder.objectRef<OriginRepair>('OriginRepair').implement({
  fields: (t) => ({
    origin: t.exposeID('origin'),
    state: t.expose('state', { type: RepairStateType }),
    size: t.expose('size', { type: 'BigInt', description: 'Entries in the log.' }),
    checked: t.expose('checked', { type: 'BigInt', description: 'Entries that have been checked so far.' }),
    damaged: t.expose('damaged', {
      type: 'BigInt',
      description: 'Stretches that were in quarantine or found damaged.',
    }),
    mended: t.expose('mended', { type: 'BigInt', description: 'How many of them are whole again.' }),
    treeNodes: t.expose('treeNodes', {
      type: 'BigInt',
      description: 'Wrong nodes of the tree, which are computed anew from the entries.',
    }),
    left: t.expose('left', {
      type: [DamagedStretchType],
      description: `What is damaged still; at most ${maxStretchesNamed} stretches are named.`,
    }),
    fork: t.field({ type: RepairForkType, nullable: true, resolve: ({ fork }) => fork }),
    setAside: t.field({ type: SetAsideType, nullable: true, resolve: ({ setAside }) => setAside }),
  }),
});

const RepairReportType = builder.objectRef<RepairReport>('RepairReport').implement({
  description: 'What a node has done about its damaged data.',
  fields: (t) => ({
    node: t.exposeID('node'),
    dryRun: t.exposeBoolean('dryRun'),
    complete: t.exposeBoolean('complete', {
      description: 'Whether all has been checked. If not, the repair goes on without its caller; a dry run ends.',
    }),
    origins: t.expose('origins', {
      type: [OriginRepairType],
      description: 'Every log that was asked for, forked ones first, then those with something left.',
    }),
  }),
});

/** A node reads everything that it stores. */
const rules: FieldRules = { scope: 'cluster:admin', cost: 100 };

builder.mutationField('repair', (t) =>
  t.field({
    type: RepairReportType,
    description:
      'Has one node check what it stores and mend what is damaged from its peers, at once. One at a time per node.',
    args: {
      node: t.arg.id({ required: true, description: 'Name of the node.' }),
      origin: t.arg.id({ description: 'Only the log of this origin; all when absent.' }),
      from: t.arg.id({ description: 'Only copies of this member; of whoever has one when absent.' }),
      adopt: t.arg.id({
        description:
          'Of logs of which this member has another history, and of no others, set that of the node aside and take that of the member.',
      }),
      dryRun: t.arg.boolean({ description: 'Change nothing, only tell what would be done.' }),
    },
    extensions: { ...rules },
    resolve: (_root, { node, origin, from, adopt, dryRun }, { cluster, caller }) => {
      const wanted = {
        origin: origin ?? undefined,
        from: from ?? undefined,
        adopt: adopt ?? undefined,
        dryRun: dryRun ?? undefined,
      };
      return cluster.repair(caller, node, parseInput(repairRequestSchema, wanted, 'repair'));
    },
  }),
);
