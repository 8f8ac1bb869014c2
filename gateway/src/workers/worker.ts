import cluster from 'node:cluster';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { z } from 'zod';
import { type Purge, purgeSchema } from '../cache/purge.ts';
import type { PreparedChange } from '../server.ts';
import { Dialogue } from './dialogue.ts';
import type { WorkerReport } from './report.ts';

/** What the primary asks a worker. A configuration is put in force in two steps, so that no worker goes ahead alone. */
const questionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('report') }),
  z.object({ kind: z.literal('purge'), purge: purgeSchema }),
  z.object({ kind: z.literal('prepare'), config: z.unknown() }),
  z.object({ kind: z.literal('commit') }),
  z.object({ kind: z.literal('abort') }),
]);
export type WorkerQuestion = z.infer<typeof questionSchema>;

/** What a worker does when it is asked to. */
export interface WorkerDuties {
  report(): Promise<WorkerReport>;
  /** Takes answers out of the cache; how many. */
  purge(purge: Purge): Promise<number>;
  prepare(config: Config): Promise<PreparedChange>;
}

/** A worker's connection to the primary. */
export class Primary {
  readonly dialogue: Dialogue;
  #duties: WorkerDuties | undefined;
  #prepared: PreparedChange | undefined;

  constructor() {
    const { worker } = cluster;
    if (worker === undefined) throw new Error('this process is no worker');
    const channel = {
      send: (message: object) => void worker.send(message),
      onMessage: (listener: (message: unknown) => void) => void worker.on('message', listener),
    };
    this.dialogue = new Dialogue(channel, (question) => this.#answer(questionSchema.parse(question)));
  }

  /** The configuration in force, which the file may not say any more. */
  async config(): Promise<Config> {
    // Both ends are this program, and the primary has checked it.
    return (await this.dialogue.ask({ kind: 'config' })) as Config;
  }

  /** Answers the primary from now on. */
  serve(duties: WorkerDuties): void {
    this.#duties = duties;
  }

  async #answer(question: WorkerQuestion): Promise<unknown> {
    if (this.#duties === undefined) throw new Error('the worker is starting');
    switch (question.kind) {
      case 'report':
        return this.#duties.report();
      case 'purge':
        return this.#duties.purge(question.purge);
      case 'prepare':
        this.#prepared?.abort();
        this.#prepared = await this.#duties.prepare(question.config as Config);
        return null;
      case 'commit':
        this.#prepared?.commit();
        this.#prepared = undefined;
        return null;
      case 'abort':
        this.#prepared?.abort();
        this.#prepared = undefined;
        return null;
    }
  }
}
