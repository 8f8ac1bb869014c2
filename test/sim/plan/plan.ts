import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';

/** A node's number, from 0. */
export const nodeIndex = z.int().min(0).max(999);
/** Simulated time, at most an hour. */
export const milliseconds = z.number().min(0).max(3_600_000);

const settingsSchema = z.strictObject({
  /** Every random choice that the acts leave open follows from it. */
  seed: z.int().min(0).max(0xffff_ffff),
  nodes: z.int().min(1).max(1_000),
  intervalMs: z.int().min(10).max(60_000),
  fanout: z.int().min(1).max(16),
  maxDatagramBytes: z.int().min(576).max(65_507),
  /** The same for every second node. */
  oddDatagramBytes: z.int().min(576).max(65_507),
  suspectAfterMs: z.int().min(1),
  deadAfterMs: z.int().min(1),
  forgetAfterMs: z.int().min(1),
  queueBytes: z.int().min(1),
  catchUpBytes: z.int().min(1),
  maxBodyBytes: z.int().min(1),
  /** How long a write takes on a disk that has no trouble. */
  writeMs: z.tuple([milliseconds, milliseconds]),
  /** What the system keeps of datagrams for a process that does not read. More is lost without a word. */
  receiveBufferBytes: z.int().min(1),
  /** Datagrams are sealed as in a real cluster; else they are plain. */
  sealed: z.boolean(),
  /** Heads are really signed; else with cheap stand-ins. */
  signed: z.boolean(),
  /** Nodes look for damage on their disks now and then. */
  scrubs: z.boolean(),
  /** After so long retention erases the bodies of some topics; 0 for never. */
  eraseAfterSeconds: z.int().min(0),
  /** `stored` is the node's own store with its views, `light` logs and trees alone. */
  disk: z.enum(['stored', 'light']),
});

/** How a simulated cluster is made up. */
export type Settings = z.infer<typeof settingsSchema>;

/** Something that is done to the cluster. Its kind says which further members it has: see `acts/`. */
const actSchema = z.looseObject({ atMs: milliseconds, kind: z.string() });
export type Act = z.infer<typeof actSchema>;

const planSchema = z.strictObject({
  settings: settingsSchema,
  acts: z.array(actSchema),
  /** When the faults end and everything is healed, in simulated milliseconds. */
  endMs: milliseconds,
});

/** All that a run follows from: the same plan gives the same run. */
export type Plan = z.infer<typeof planSchema>;

const writtenPlanSchema = planSchema.extend({
  settings: settingsSchema.partial().required({ seed: true, nodes: true }),
});

/** Settings that are not there are the usual ones. Throws an error that says what is wrong with `text`. */
export function planFromJson(text: string): Plan {
  const { settings, ...plan } = writtenPlanSchema.parse(JSON.parse(text));
  return planSchema.parse({ ...plan, settings: { ...usualSettings, ...settings } });
}

/** One line per act, so that it can be read and edited. */
export function planToJson({ settings, acts, endMs }: Plan): string {
  const lines = acts.map((act) => `    ${JSON.stringify(act)}`);
  return `{\n  "settings": ${JSON.stringify(settings)},\n  "endMs": ${endMs},\n  "acts": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** Short enough for a command line when the plan has few acts. */
export function planToWord(plan: Plan): string {
  return deflateRawSync(JSON.stringify(plan), { level: 9 }).toString('base64url');
}

export function planFromWord(word: string): Plan {
  return planFromJson(inflateRawSync(Buffer.from(word, 'base64url'), { maxOutputLength: 64 * 1024 * 1024 }).toString());
}

export const usualSettings: Omit<Settings, 'seed' | 'nodes'> = {
  intervalMs: 200,
  fanout: 2,
  maxDatagramBytes: 1_400,
  oddDatagramBytes: 1_400,
  suspectAfterMs: 2_000,
  deadAfterMs: 10_000,
  forgetAfterMs: 3_600_000,
  queueBytes: 1024 * 1024,
  catchUpBytes: 16 * 1024,
  maxBodyBytes: 256 * 1024,
  writeMs: [0.3, 3.3],
  // Linux: net.core.rmem_default.
  receiveBufferBytes: 212_992,
  sealed: false,
  signed: false,
  scrubs: true,
  eraseAfterSeconds: 0,
  disk: 'stored',
};
