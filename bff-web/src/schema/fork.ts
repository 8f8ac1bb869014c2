import type { Fork, ForkSide } from '@grapevine/shared/contracts/node-api.ts';
import { builder } from './builder.ts';
import { SignedHeadType } from './inclusion-proof.ts';

const ForkSideType = builder.objectRef<ForkSide>('ForkSide').implement({
  description: 'What one node showed of a log, and what proves it.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the first entry that differs.' }),
    head: t.expose('head', { type: SignedHeadType }),
    root: t.exposeString('root', { description: 'Root of the entries up to the size of the comparison.' }),
    path: t.exposeStringList('path', {
      description: 'Proves that the log of the head begins with those entries (RFC 6962 section 2.1.2).',
    }),
  }),
});

export const ForkType = builder.objectRef<Fork>('Fork').implement({
  description: 'Two histories that one origin has signed. Who has this can prove it to anybody.',
  fields: (t) => ({
    origin: t.exposeID('origin'),
    seq: t.expose('seq', { type: 'BigInt', description: 'The first entry that differs.' }),
    size: t.expose('size', {
      type: 'BigInt',
      description: 'The smaller of the two sizes, at which they were compared.',
    }),
    own: t.expose('own', { type: ForkSideType }),
    other: t.expose('other', { type: ForkSideType }),
    peer: t.exposeID('peer', { description: 'The node that showed the other side.' }),
    foundAt: t.expose('foundMs', { type: 'DateTime' }),
    endedAt: t.expose('endedMs', {
      type: 'DateTime',
      nullable: true,
      description: 'Null as long as the peer contradicts.',
    }),
  }),
});
