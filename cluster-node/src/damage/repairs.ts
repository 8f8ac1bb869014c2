import { setTimeout as pause } from 'node:timers/promises';
import { type RepairReport, type RepairRequest, repairAnswerMs } from '@grapevine/shared/contracts/repair.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Logger } from 'pino';
import { type RepairParts, RepairRun } from './repair-run.ts';

export interface RepairsParts extends RepairParts {
  /** Name of this node. */
  readonly node: string;
  readonly log: Logger;
  /** Longest wait for a repair before it is answered as far as it has come, in milliseconds; `repairAnswerMs` when absent. */
  readonly answerMs?: number;
}

/** Repairs that operators ask for: one at a time, since each reads everything as fast as the disk gives it. */
export class Repairs implements Stoppable {
  readonly name = 'repair';
  readonly #parts: RepairsParts;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: RepairsParts) {
    this.#parts = parts;
  }

  /**
   * Checks and mends at once. What takes longer than an answer may goes on without its caller, but for a dry run, which ends.
   * Throws `REPAIR_UNDER_WAY` while there is one already.
   */
  async repair(request: RepairRequest): Promise<RepairReport> {
    const { node, log, answerMs = repairAnswerMs } = this.#parts;
    if (this.#running !== undefined || this.#stopped.signal.aborted) {
      throw new GrapevineError('REPAIR_UNDER_WAY', `Node ${node} is busy with another repair.`);
    }
    const answered = new AbortController();
    const stop = request.dryRun ? AbortSignal.any([this.#stopped.signal, answered.signal]) : this.#stopped.signal;
    const run = new RepairRun(this.#parts, request, stop);
    log.warn(request, 'an operator has this node repaired');
    const running = run.run().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    // Nobody else hears of what happens after the answer.
    running.catch((error: unknown) => log.error({ err: error }, 'a repair could not go on'));
    try {
      await Promise.race([running, pause(answerMs, undefined, { signal: answered.signal })]);
      return { node, dryRun: request.dryRun, complete: run.complete, origins: run.report() };
    } finally {
      answered.abort();
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running?.catch(() => undefined);
  }
}
