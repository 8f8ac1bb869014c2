import { signedHeadSchema } from '@grapevine/shared/contracts/node-api.ts';
import { z } from 'zod';
import { headFields } from './messages.ts';

const originSchema = z.object({
  origin: z.string(),
  state: z.enum(['equal', 'behind', 'ahead', 'forked']),
  sizeA: z.number(),
  sizeB: z.number(),
  by: z.number(),
  fork: z.object({ seq: z.number(), a: z.string(), b: z.string() }).nullable(),
});
export type OriginComparison = z.infer<typeof originSchema>;

const sideSchema = z.object({ id: z.string(), root: z.string(), path: z.array(z.string()), head: signedHeadSchema });
export type ForkSide = z.infer<typeof sideSchema>;

const forkSchema = z.object({
  origin: z.string(),
  seq: z.number(),
  size: z.number(),
  own: sideSchema,
  other: sideSchema,
  peer: z.string(),
  foundAt: z.string(),
  endedAt: z.string().nullable(),
});
export type Fork = z.infer<typeof forkSchema>;

export const comparisonSchema = z.object({
  cluster: z.object({
    compare: z.object({
      verdict: z.string(),
      behindBy: z.number(),
      aheadBy: z.number(),
      origins: z.array(originSchema),
    }),
    nodes: z.array(z.object({ name: z.string(), forkEvidence: z.array(forkSchema).nullable() })),
  }),
});
export type Comparison = z.infer<typeof comparisonSchema>['cluster'];

const side = `id root path head { ${headFields} }`;
export const comparisonQuery = `query Compare($a: ID!, $b: ID!) { cluster {
  compare(a: $a, b: $b) { verdict behindBy aheadBy origins { origin state sizeA sizeB by fork { seq a b } } }
  nodes { name forkEvidence { origin seq size own { ${side} } other { ${side} } peer foundAt endedAt } }
} }`;

export const headsSchema = z.object({
  cluster: z.object({
    nodes: z.array(z.object({ name: z.string(), heads: z.array(signedHeadSchema).nullable() })),
  }),
});
export const headsQuery = `query Heads { cluster { nodes { name heads { ${headFields} } } } }`;

const repairedSchema = z.object({
  origin: z.string(),
  state: z.enum(['sound', 'mended', 'damaged', 'forked', 'adopted', 'unfinished']),
  /** What a dry run would do, or why something was not done. */
  left: z.array(z.object({ firstSeq: z.number(), endSeq: z.number(), damage: z.string(), why: z.string() })),
  setAside: z
    .object({
      folder: z.string(),
      firstSeq: z.number(),
      endSeq: z.number(),
      messages: z.array(z.object({ seq: z.number(), id: z.string(), topic: z.string(), author: z.string() })),
    })
    .nullable(),
});
export type SetAsideReport = NonNullable<z.infer<typeof repairedSchema>['setAside']>;
export const repairSchema = z.object({
  repair: z.object({ complete: z.boolean(), dryRun: z.boolean(), origins: z.array(repairedSchema) }),
});
export type RepairReport = z.infer<typeof repairSchema>['repair'];
export const repairMutation = `mutation Repair($node: ID!, $adopt: ID, $origin: ID, $dryRun: Boolean) {
  repair(node: $node, adopt: $adopt, origin: $origin, dryRun: $dryRun) {
    complete dryRun
    origins { origin state left { firstSeq endSeq damage why } setAside { folder firstSeq endSeq messages { seq id topic author } } }
  }
}`;
