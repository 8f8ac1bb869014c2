import type { Clock } from '@grapevine/shared/clock.ts';
import type { PeerFetch } from '@grapevine/shared/http/mutual-tls.ts';
import type { ClusterFile } from '../cluster-file.ts';
import { CommandError } from '../command-error.ts';
import type { RestartPolicy } from './backoff.ts';
import { Child, type ChildEvent } from './child.ts';
import { boundLog } from './log-file.ts';
import type { ClusterPlan, ServiceName } from './plan.ts';

export interface SupervisorOptions {
  readonly plan: ClusterPlan;
  /** One log per process goes here. */
  readonly logDir: string;
  /** Program and arguments that run a service. */
  readonly commandOf: (service: ServiceName) => readonly [string, ...string[]];
  /** What every child gets besides its plan's settings. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly restart: RestartPolicy;
  readonly stopDeadlineMs: number;
  readonly clock: Clock;
  /** Asks processes whether they are ready. */
  readonly fetch: PeerFetch;
  readonly onEvent: (event: ChildEvent) => void;
}

/** All processes ready, from a cold disk on a slow machine; what takes longer does not come. In milliseconds. */
const startDeadlineMs = 30_000;
/** Between two looks at the logs' sizes: a log that grows at disk speed stays within a small multiple of its bound. */
const logCheckMs = 5_000;

/** The processes of a local cluster. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stages: readonly (readonly Child[])[];
  #startTimer: NodeJS.Timeout | undefined;
  #logTimer: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { plan, logDir, commandOf, environment, restart, stopDeadlineMs, clock, fetch, onEvent } = options;
    this.#stages = plan.stages.map((stage) =>
      stage.map(
        (child) =>
          new Child({
            plan: child,
            command: commandOf(child.service),
            environment: { ...environment, ...child.environment },
            logFile: `${logDir}/${child.name}.log`,
            restart,
            stopDeadlineMs,
            clock,
            fetch,
            onEvent,
          }),
      ),
    );
  }

  /**
   * Starts everything at once, lower layers first, and resolves when all are ready. Rejects when one cannot start or is
   * not ready in 30 s; `stop` then ends the others.
   */
  async start(): Promise<void> {
    const deadline = Promise.withResolvers<never>();
    this.#startTimer = setTimeout(() => deadline.reject(this.#tooSlow()), startDeadlineMs);
    this.#logTimer = setInterval(() => void this.#boundLogs(), logCheckMs);
    await Promise.race([Promise.all(this.#children().map((child) => child.start())), deadline.promise]);
    clearTimeout(this.#startTimer);
  }

  /** Stops layer by layer, callers before those they call, so that what is in flight can end. */
  async stop(): Promise<void> {
    clearTimeout(this.#startTimer);
    clearInterval(this.#logTimer);
    for (const stage of this.#stages.toReversed()) await Promise.all(stage.map((child) => child.stop()));
  }

  /** What runs now; a process between two lives is left out. */
  processes(): ClusterFile['processes'] {
    return this.#children().flatMap(({ pid, plan }) => {
      if (pid === undefined) return [];
      return [{ name: plan.name, pid, http: plan.http, ...(plan.udp === undefined ? {} : { udp: plan.udp }) }];
    });
  }

  #children(): readonly Child[] {
    return this.#stages.flat();
  }

  #tooSlow(): CommandError {
    const waiting = this.#children().filter((child) => !child.wasReady);
    const reasons = waiting.map((child) => `${child.plan.name}: ${child.unready}`).join('; ');
    return new CommandError(`not ready in ${startDeadlineMs / 1_000} s: ${reasons} (logs: ${this.#options.logDir})`);
  }

  async #boundLogs(): Promise<void> {
    const { logDir, plan } = this.#options;
    // A log that cannot be cut (removed, disk full) is tried again, and no reason to stop serving.
    await Promise.allSettled(plan.stages.flat().map(({ name }) => boundLog(`${logDir}/${name}.log`)));
  }
}
