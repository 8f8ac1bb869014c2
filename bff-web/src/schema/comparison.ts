import { type Comparison, type OriginComparison, originStateSchema } from '@grapevine/shared/contracts/node-api.ts';
import { builder } from './builder.ts';

export const PairStateType = builder.enumType('PairState', {
  description: 'How one node stands to another, at the smaller of their two sizes in every origin.',
  values: {
    equal: { description: 'Byte-identical content.' },
    behind: { description: 'The first lacks entries of the second.' },
    ahead: { description: 'The second lacks entries of the first.' },
    diverged: { description: 'Each lacks entries of the other. Lag both ways, not damage.' },
    forked: { description: 'They contradict each other: corruption, equivocation or a restored backup.' },
    unreachable: { description: 'One of them did not answer.' },
  } as const,
});

const OriginStateType = builder.enumType('OriginState', { values: originStateSchema.options });

const LocatedForkType = builder.objectRef<NonNullable<OriginComparison['fork']>>('LocatedFork').implement({
  description: 'The first entry in which two histories of one log differ.',
  fields: (t) => ({
    seq: t.expose('seq', { type: 'BigInt' }),
    a: t.exposeID('a', { description: 'Its id at the first node.' }),
    b: t.exposeID('b'),
  }),
});

const OriginComparisonType = builder.objectRef<OriginComparison>('OriginComparison').implement({
  fields: (t) => ({
    origin: t.exposeID('origin'),
    state: t.expose('state', { type: OriginStateType }),
    sizeA: t.expose('sizeA', { type: 'BigInt' }),
    sizeB: t.expose('sizeB', { type: 'BigInt' }),
    by: t.expose('by', { type: 'BigInt', description: 'Entries that `a` is behind or ahead; 0 when equal or forked.' }),
    fork: t.field({ type: LocatedForkType, nullable: true, resolve: ({ fork }) => fork }),
  }),
});

export const ComparisonType = builder.objectRef<Comparison>('Comparison').implement({
  description: 'Two nodes, origin by origin.',
  fields: (t) => ({
    a: t.exposeID('a'),
    b: t.exposeID('b'),
    verdict: t.expose('verdict', { type: PairStateType, description: 'The worst of the origins.' }),
    behindBy: t.expose('behindBy', { type: 'BigInt' }),
    aheadBy: t.expose('aheadBy', { type: 'BigInt' }),
    origins: t.expose('origins', { type: [OriginComparisonType] }),
  }),
});
