import cluster from 'node:cluster';
import { z } from 'zod';
import { Dialogue } from './dialogue.ts';
import type { WorkerReport } from './report.ts';

export const reportQuestionSchema = z.object({ kind: z.literal('report') });

/** Speaks to the primary. `report` says what this worker knows, once it is running. */
export function connectToPrimary(report: () => Promise<WorkerReport>): Dialogue {
  const { worker } = cluster;
  if (worker === undefined) throw new Error('this process is no worker');
  const channel = {
    send: (message: object) => void worker.send(message),
    onMessage: (listener: (message: unknown) => void) => void worker.on('message', listener),
  };
  return new Dialogue(channel, async (question) => {
    reportQuestionSchema.parse(question);
    return report();
  });
}
