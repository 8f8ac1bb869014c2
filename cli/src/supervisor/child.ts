import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { PeerFetch } from '@grapevine/shared/http/mutual-tls.ts';
import { startAnewCode } from '@grapevine/shared/lifecycle.ts';
import { CommandError } from '../command-error.ts';
import { nextDelay, type RestartPolicy } from './backoff.ts';
import { lastWords, type OpenLog, openLog } from './log-file.ts';
import type { ProcessPlan } from './plan.ts';
import { waitUntilReady } from './readiness.ts';

/** What happens to a child after its start, for the console and for `cluster.json`. */
export type ChildEvent =
  | { readonly type: 'ready'; readonly name: string; readonly pid: number; readonly restarted: boolean }
  | {
      readonly type: 'exited';
      readonly name: string;
      readonly pid: number | undefined;
      /** Such as `was killed by SIGKILL` or `ended with code 1: Port 8081 …`. */
      readonly how: string;
      readonly restartInMs: number;
    };

export interface ChildOptions {
  readonly plan: ProcessPlan;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  readonly restart: RestartPolicy;
  /** Time for an orderly end before the process is killed, in milliseconds. */
  readonly stopDeadlineMs: number;
  readonly clock: Clock;
  /** Asks whether the process is ready. */
  readonly fetch: PeerFetch;
  readonly onEvent: (event: ChildEvent) => void;
}

/** Services give up an orderly end by themselves after 9 s. In milliseconds. */
export const defaultStopDeadlineMs = 10_000;

/** One process of the cluster: started, started again whenever it ends by itself, and stopped. */
export class Child {
  readonly plan: ProcessPlan;
  readonly #options: ChildOptions;
  readonly #firstReady = Promise.withResolvers<void>();
  #process: ChildProcess | undefined;
  /** Ends the questions about readiness when the process they are about has ended. */
  #life = new AbortController();
  #bornMs = 0;
  #delayMs = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #wasReady = false;
  #stopping = false;
  #unready = 'it has not been started';

  constructor(options: ChildOptions) {
    this.#options = options;
    this.plan = options.plan;
    // Nobody may be waiting yet, or any more, when this fails.
    this.#firstReady.promise.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether it has been ready at least once. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Why it is not ready, while it is not. */
  get unready(): string {
    return this.#unready;
  }

  /** Resolves once the child is ready for the first time; rejects when it ends with an error code before that. */
  start(): Promise<void> {
    this.#spawn();
    return this.#firstReady.promise;
  }

  /** Asks the child to end, kills it when its time is over, and resolves once it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#process;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.stopDeadlineMs);
    await gone;
    clearTimeout(timer);
  }

  /** Starts a life of the process. Whatever keeps it from starting ends that life, too. */
  #spawn(): void {
    this.#bornMs = this.#options.clock.monotonicMs();
    this.#life = new AbortController();
    this.#unready = 'it is starting';
    try {
      this.#watch(this.#launch());
    } catch (error) {
      this.#ended(cannotStart(error as Error), true);
    }
  }

  #launch(): { child: ChildProcess; log: OpenLog } {
    const { command, environment, logFile } = this.#options;
    const [program, ...args] = command;
    const log = openLog(logFile);
    try {
      // A group of its own: Ctrl-C in a terminal reaches the whole foreground group, and children are stopped in order instead.
      const child = spawn(program, args, {
        env: environment,
        stdio: ['ignore', log.descriptor, log.descriptor, 'ipc'],
        detached: true,
      });
      return { child, log };
    } finally {
      closeSync(log.descriptor);
    }
  }

  #watch({ child, log }: { child: ChildProcess; log: OpenLog }): void {
    this.#process = child;
    child.on('error', (error) => {
      // A process that runs reports other troubles here too, and its exit after them.
      if (child.pid === undefined) this.#ended(cannotStart(error), true);
    });
    child.once('exit', (code, signal) => {
      if (signal !== null) return this.#ended(`was killed by ${signal}`, false);
      if (code === startAnewCode) return this.#ended('ended to be started anew', false);
      const words = code === 0 ? undefined : lastWords(this.#options.logFile, log.start);
      this.#ended(`ended with code ${code}${words === undefined ? '' : `: ${words}`}`, true);
    });
    child.on('message', (message) => {
      if ((message as { type?: unknown } | null)?.type === 'ready') void this.#becomeReady(child, this.#life.signal);
    });
  }

  async #becomeReady(child: ChildProcess, life: AbortSignal): Promise<void> {
    try {
      await waitUntilReady(this.plan.readiness, life, this.#options.fetch, (reason) => {
        this.#unready = reason;
      });
    } catch {
      return;
    }
    if (life.aborted || this.#stopping || child.pid === undefined) return;
    const restarted = this.#wasReady;
    this.#wasReady = true;
    this.#options.onEvent({ type: 'ready', name: this.plan.name, pid: child.pid, restarted });
    this.#firstReady.resolve();
  }

  #ended(how: string, isFailure: boolean): void {
    const { plan, restart, clock, onEvent } = this.#options;
    const pid = this.#process?.pid;
    this.#process = undefined;
    this.#life.abort();
    this.#unready = how;
    if (this.#stopping) return;
    if (isFailure && !this.#wasReady) {
      // Starting it again would only fail again: its configuration or its data has to be mended first.
      this.#stopping = true;
      this.#firstReady.reject(new CommandError(`${plan.name} ${how} (log: ${this.#options.logFile})`));
      return;
    }
    this.#delayMs = nextDelay(restart, this.#delayMs, clock.monotonicMs() - this.#bornMs);
    onEvent({ type: 'exited', name: plan.name, pid, how, restartInMs: this.#delayMs });
    this.#restartTimer = setTimeout(() => this.#spawn(), this.#delayMs);
  }
}

function cannotStart(error: Error): string {
  return `cannot be started: ${error.message}`;
}
