/** `POST /v1/repair`: an operator has a node check what it stores and mend what is damaged, at once. */
import { z } from 'zod';
import { expected } from './expected.ts';
import { hashSchema, originSchema } from './node-api.ts';

const sizeSchema = z.int().min(0);

export const nodeNameSchema = z.string(expected('a node name')).regex(/^[a-z0-9-]{1,63}$/, expected('a node name'));

export const repairRequestSchema = z
  .strictObject({
    /** Only this origin's log; all when absent. */
    origin: originSchema.optional(),
    /** Name of the member whose copies are taken; whoever has one when absent. */
    from: nodeNameSchema.optional(),
    /**
     * Name of the member whose history stays: of the logs of which that member holds another history, and of no others,
     * this node's own is set aside and that member's taken.
     */
    adopt: nodeNameSchema.optional(),
    /** Changes nothing, only tells what would be done. */
    dryRun: z.boolean().default(false),
  })
  .refine(({ from, adopt }) => from === undefined || adopt === undefined, {
    path: ['from'],
    message: 'expected either from or adopt, found both: what is adopted comes from that member',
  });
export type RepairRequest = z.infer<typeof repairRequestSchema>;
export type RepairRequestInput = z.input<typeof repairRequestSchema>;

/** Longest time from the request to the answer, in milliseconds: less than a gateway and a BFF wait for theirs. */
export const repairAnswerMs = 8_000;
/** Damaged stretches that the answer names for each origin: more say nothing new of a disk, and the counts tell of all. */
export const maxStretchesNamed = 16;

/**
 * `forked`: another history of this log exists, signed as well; nothing was touched, for only people can say which one stays.
 * `adopted`: they said it, and the other one has taken the place of this node's. Else `damaged`: something is left;
 * `unfinished`: nothing is so far, but not all has been checked; `mended`: everything that was damaged is whole again;
 * `sound`: nothing was damaged.
 */
const repairStateSchema = z.enum(['sound', 'mended', 'damaged', 'forked', 'adopted', 'unfinished']);

/** Entries from `firstSeq` up to, not including, `endSeq`. */
const damagedStretchSchema = z.object({
  firstSeq: sizeSchema,
  endSeq: sizeSchema,
  /** What is wrong with it. */
  damage: z.string(),
  /** Why it is not mended, or what would be done in a dry run. */
  why: z.string(),
});

/** Where two histories of a log part, as the node's evidence has it. `GET /v1/forks` has all of it. */
const repairForkSchema = z.object({
  /** The first entry that differs. */
  seq: sizeSchema,
  /** Its id here, and at `peer`. */
  own: hashSchema,
  other: hashSchema,
  peer: z.string(),
});

/** Messages that are named of a history that was set aside: the folder has all of them. */
export const maxMessagesNamed = 16;

/** A history that this node has given up, and where it is kept. */
const setAsideSchema = z.object({
  /** Name of the member whose history has taken its place. */
  peer: z.string(),
  /** Within the node's data folder. */
  folder: z.string(),
  /** The entries that the other history does not have: from `firstSeq` up to, not including, `endSeq`. */
  firstSeq: sizeSchema,
  endSeq: sizeSchema,
  /** The first of them, but for those that retention has erased. */
  messages: z
    .array(z.object({ seq: sizeSchema, id: hashSchema, topic: z.string(), author: z.string() }))
    .max(maxMessagesNamed),
});
export type SetAsideReport = z.infer<typeof setAsideSchema>;

const originRepairSchema = z.object({
  origin: originSchema,
  state: repairStateSchema,
  size: sizeSchema,
  /** Entries that have been checked so far, of `size`. */
  checked: sizeSchema,
  /** Stretches that were in quarantine or were found damaged, and how many of them are mended. */
  damaged: sizeSchema,
  mended: sizeSchema,
  /** Nodes of the tree that were wrong and have been computed anew from the entries; in a dry run, that would be. */
  treeNodes: sizeSchema,
  /** The first of the stretches that are left. */
  left: z.array(damagedStretchSchema).max(maxStretchesNamed),
  fork: repairForkSchema.nullable(),
  setAside: setAsideSchema.nullable(),
});
export type OriginRepair = z.infer<typeof originRepairSchema>;

export const repairReportSchema = z.object({
  node: z.string(),
  dryRun: z.boolean(),
  /** Whether all has been checked. If not, the repair goes on without its caller; a dry run ends. */
  complete: z.boolean(),
  origins: z.array(originRepairSchema),
});
export type RepairReport = z.infer<typeof repairReportSchema>;
