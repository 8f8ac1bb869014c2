import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { type ErrorCode, isErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Logger } from 'pino';
import { AggregatorRegistry, Gauge, type Registry } from 'prom-client';
import { z } from 'zod';
import type { CacheStatus } from '../cache/answer-cache.ts';
import type { Purge } from '../cache/purge.ts';
import type { OpenPointStore } from '../limits/point-store.ts';
import type { RateStatus } from '../limits/rate-limiter.ts';
import type { LoadStatus } from '../load/load-limits.ts';
import type { UpstreamStatus } from '../upstreams/upstream-pool.ts';
import { Dialogue } from './dialogue.ts';
import { mergeCaches, mergeLoad, mergeRates, mergeUpstreams, type WorkerReport } from './report.ts';
import { PointBroker, pointsQuestionSchema } from './shared-points.ts';
import type { WorkerQuestion } from './worker.ts';

/** What a worker asks the primary. */
const questionSchema = z.union([z.object({ kind: z.literal('config') }), pointsQuestionSchema]);
const readySchema = z.object({ type: z.literal('ready') });

/** Before a worker that ended is replaced, the first time and at most: one that cannot live must not keep a core busy. */
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** A worker that lived so long was well; the next failure is a new one. */
const wellAfterMs = 30_000;
/** A report that takes longer is left out: operators want to see the workers that answer. */
const reportMs = 2_000;
/** A worker that has not made a configuration ready by then does not count as able to. */
const prepareMs = 10_000;
/** Standard error that is kept of a worker that does not start. */
const keptErrorChars = 4_096;

export interface WorkersOptions {
  /** What workers start with. */
  readonly config: Config;
  /** Where the points of rates are counted for all of them. */
  readonly points: OpenPointStore;
  /** What this process itself measures. */
  readonly metrics: Registry;
  readonly log: Logger;
}

/** Runs the workers of the gateway: starts as many as there should be, replaces those that end, answers for all of them. */
export class Workers implements Stoppable {
  readonly name = 'gateway workers';
  readonly #log: Logger;
  readonly #points: PointBroker;
  readonly #metrics: Registry;
  readonly #ready = new Map<Worker, Dialogue>();
  /** In force. */
  #config: Config;
  #pauseMs = firstPauseMs;
  #stopping = false;

  private constructor({ config, points, metrics, log }: WorkersOptions) {
    this.#config = config;
    this.#points = new PointBroker(points);
    this.#metrics = metrics;
    this.#log = log;
    const running = (): number => this.running;
    new Gauge({
      name: 'grapevine_gateway_workers',
      help: 'Worker processes that take requests.',
      registers: [metrics],
      collect() {
        this.set(running());
      },
    });
  }

  /**
   * Starts `count` workers from the program that this process runs; they take their configuration from it, not from the
   * file. Throws what the first one could not start with.
   */
  static async start(count: number, options: WorkersOptions): Promise<Workers> {
    cluster.setupPrimary({ stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    const workers = new Workers(options);
    // The first alone: what is wrong with one is wrong with all, and one line about it is enough.
    await workers.#startOne();
    try {
      await Promise.all(Array.from({ length: count - 1 }, () => workers.#startOne()));
    } catch (error) {
      await workers.stop();
      throw error;
    }
    return workers;
  }

  get running(): number {
    return this.#ready.size;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Those of all workers added up, with those of this process. */
  async metrics(): Promise<string> {
    const reports = await this.#reports();
    const all = await AggregatorRegistry.aggregate(reports.map(({ metrics }) => metrics)).metrics();
    return `${all}\n${await this.#metrics.metrics()}`;
  }

  async upstreams(): Promise<readonly UpstreamStatus[]> {
    return mergeUpstreams((await this.#reports()).map((report) => report.upstreams));
  }

  async load(): Promise<LoadStatus> {
    return mergeLoad((await this.#reports()).map((report) => report.load));
  }

  async rates(): Promise<readonly RateStatus[]> {
    return mergeRates((await this.#reports()).map((report) => report.rates));
  }

  async cache(): Promise<CacheStatus> {
    return mergeCaches((await this.#reports()).map((report) => report.cache));
  }

  /** Empties the caches of all workers; answers how many answers went, all together. */
  async purge(purge: Purge): Promise<number> {
    const counts = await this.#askAll({ kind: 'purge', purge });
    // The workers are this program: what they answer is a number.
    return counts.reduce((sum: number, count) => sum + (count as number), 0);
  }

  /**
   * Puts `config` in force in all workers, or in none: each makes everything ready first. Throws `CONFIG_INVALID` with what
   * one of them could not use.
   */
  async apply(config: Config): Promise<void> {
    const dialogues = [...this.#ready.values()];
    const outcomes = await Promise.allSettled(dialogues.map((dialogue) => prepare(dialogue, config)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      await tell(dialogues, { kind: 'abort' });
      throw new GrapevineError('CONFIG_INVALID', String((failed.reason as Error).message), { cause: failed.reason });
    }
    // A worker that starts meanwhile asks for what is in force, or is told before it counts as ready.
    this.#config = config;
    await tell(dialogues, { kind: 'commit' });
  }

  /** Has every worker look again at files that may have changed. */
  reload(): void {
    for (const { process: child } of this.#ready.keys()) child.kill('SIGHUP');
  }

  /** Lets every worker drain by itself, and waits until all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const all = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    const ended = all.map((worker) => (worker.isDead() ? undefined : once(worker, 'exit')));
    for (const { process: child } of all) child.kill('SIGTERM');
    await Promise.all(ended);
  }

  /** Resolves when it is ready. */
  async #startOne(): Promise<void> {
    const startedMs = performance.now();
    const worker = cluster.fork();
    let errors = '';
    const { process: child } = worker;
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-keptErrorChars);
      if (this.#ready.has(worker)) this.#log.warn({ output: chunk.toString() }, 'a worker wrote to standard error');
    });
    let given: Config | undefined;
    const dialogue = new Dialogue(channelTo(worker), async (question) => {
      const parsed = questionSchema.parse(question);
      if (parsed.kind === 'points') return this.#points.take(parsed);
      given = this.#config;
      return given;
    });
    const ended = Promise.all([once(worker, 'exit'), stderrClosed(worker)]).then(() => dialogue.end());
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: unknown) => {
        if (readySchema.safeParse(message).success) resolve();
      });
      void ended.then(() => reject(startFailure(errors)));
    });
    while (given !== this.#config) {
      given = this.#config;
      await prepare(dialogue, given);
      await tell([dialogue], { kind: 'commit' });
    }
    this.#ready.set(worker, dialogue);
    void ended.then(() => this.#replace(worker, performance.now() - startedMs));
  }

  async #replace(worker: Worker, livedMs: number): Promise<void> {
    this.#ready.delete(worker);
    if (livedMs > wellAfterMs) this.#pauseMs = firstPauseMs;
    while (!this.#stopping) {
      const pauseMs = this.#pauseMs;
      this.#pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
      this.#log.error({ worker: worker.id, livedMs: Math.round(livedMs), pauseMs }, 'a worker ended and is replaced');
      await delay(pauseMs);
      if (this.#stopping) return;
      try {
        await this.#startOne();
        return;
      } catch (error) {
        this.#log.error({ err: error }, 'a worker did not start');
      }
    }
  }

  async #reports(): Promise<readonly WorkerReport[]> {
    // Both ends are this program: what a worker says of itself has the shape that it has here.
    return (await this.#askAll({ kind: 'report' })) as readonly WorkerReport[];
  }

  /** The answers of the workers that give one in time. Throws `UNAVAILABLE` when none does. */
  async #askAll(question: WorkerQuestion): Promise<readonly unknown[]> {
    const asked = [...this.#ready.values()].map((dialogue) => {
      const late = delay(reportMs, undefined, { ref: false });
      return Promise.race([dialogue.ask(question), late]);
    });
    const settled = await Promise.allSettled(asked);
    const answers = settled.flatMap((one) =>
      one.status === 'fulfilled' && one.value !== undefined ? [one.value] : [],
    );
    if (answers.length > 0) return answers;
    throw new GrapevineError('UNAVAILABLE', 'No worker of the gateway answers.', { retryAfterSeconds: 1 });
  }
}

/** Has a worker make everything ready for `config`; rejects with what it could not use. */
async function prepare(dialogue: Dialogue, config: Config): Promise<void> {
  const question: WorkerQuestion = { kind: 'prepare', config };
  const late = delay(prepareMs, 'late', { ref: false });
  if ((await Promise.race([dialogue.ask(question), late])) === 'late') {
    throw new Error(`a worker was not ready for it within ${prepareMs} ms`);
  }
}

/** Resolves when all have done it. A worker that is gone by now is replaced by one that starts with what is in force. */
async function tell(dialogues: readonly Dialogue[], question: WorkerQuestion): Promise<void> {
  const done = Promise.allSettled(dialogues.map((dialogue) => dialogue.ask(question)));
  await Promise.race([done, delay(reportMs, undefined, { ref: false })]);
}

function channelTo(worker: Worker): {
  send(message: object): void;
  onMessage(listener: (message: unknown) => void): void;
} {
  return {
    // A worker that has just ended cannot be told anything; that it ended is noticed elsewhere.
    send: (message) => void (worker.isConnected() && worker.send(message)),
    onMessage: (listener) => void worker.on('message', listener),
  };
}

/** What a worker wrote last can arrive after its end. */
async function stderrClosed({ process: { stderr } }: Worker): Promise<void> {
  if (stderr !== null && !stderr.closed) await once(stderr, 'close');
}

/** What a worker could not start with, from the line that it printed: `gateway: <message> [CODE]`. */
function startFailure(errors: string): Error {
  const [, message, code] = /^[\w-]+: ([\s\S]*) \[([A-Z_]+)\]\n$/.exec(errors) ?? [];
  if (message !== undefined && isErrorCode(code)) return new GrapevineError(code as ErrorCode, message);
  return new Error(errors === '' ? 'a worker ended before it was ready' : errors);
}
