import cluster from 'node:cluster';
import { z } from 'zod';
import { type Purge, purgeSchema } from '../cache/purge.ts';
import { Dialogue } from './dialogue.ts';
import type { WorkerReport } from './report.ts';

const questionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('report') }),
  z.object({ kind: z.literal('purge'), purge: purgeSchema }),
]);
/** What the primary asks its workers. */
export type PrimaryQuestion = z.infer<typeof questionSchema>;

/** Speaks to the primary. `report` says what this worker knows, once it is running; `purge` empties its cache. */
export function connectToPrimary(
  report: () => Promise<WorkerReport>,
  purge: (purge: Purge) => Promise<number>,
): Dialogue {
  const { worker } = cluster;
  if (worker === undefined) throw new Error('this process is no worker');
  const channel = {
    send: (message: object) => void worker.send(message),
    onMessage: (listener: (message: unknown) => void) => void worker.on('message', listener),
  };
  return new Dialogue(channel, async (message) => {
    const question = questionSchema.parse(message);
    return question.kind === 'report' ? report() : purge(question.purge);
  });
}
