import { setTimeout as pause } from 'node:timers/promises';
import {
  type OriginRepair,
  type RepairReport,
  type RepairRequest,
  repairAnswerMs,
} from '@grapevine/shared/contracts/repair.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Logger } from 'pino';
import type { AdoptRequest } from '../forks/adopt-run.ts';
import { type RepairParts, RepairRun } from './repair-run.ts';

/** One repair on its way. */
export interface Run {
  /** Whether all has been done that can be. */
  readonly complete: boolean;
  /** Resolves when it is through or stopped. */
  run(): Promise<void>;
  /** What has come of each log so far. */
  report(): OriginRepair[];
}

export interface RepairsParts extends RepairParts {
  /** Gives up histories of forked logs for those of the member `request.adopt`. */
  readonly adopt: (request: AdoptRequest, stop: AbortSignal) => Run;
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
    const { adopt } = request;
    const run =
      adopt === undefined ? new RepairRun(this.#parts, request, stop) : this.#parts.adopt({ ...request, adopt }, stop);
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
