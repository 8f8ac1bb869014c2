import type { Random } from '@grapevine/shared/random.ts';
import { Attempt } from './attempt.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { UpstreamInstance } from './upstream-instance.ts';

export interface HealthCheckOptions {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Checks in a row that must fail before an instance counts as ill. */
  readonly unhealthyAfter: number;
  /** Checks in a row that must go well before it counts as well again. */
  readonly healthyAfter: number;
}

/** How much checks are spread, so that several gateways do not ask at the same moment. */
const jitter = 0.2;

/** Asks an instance now and then how it is, whether anybody else does or not. */
export class HealthCheck {
  readonly #instance: UpstreamInstance;
  readonly #options: HealthCheckOptions;
  readonly #random: Random;
  readonly #watch = new SilenceWatch();
  #timer: NodeJS.Timeout | undefined;
  #attempt: Attempt | undefined;
  #inARow = 0;

  constructor(instance: UpstreamInstance, options: HealthCheckOptions, random: Random) {
    this.#instance = instance;
    this.#options = options;
    this.#random = random;
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#attempt?.cancel();
  }

  #schedule(): void {
    const spread = 1 + jitter * (2 * this.#random.float() - 1);
    this.#timer = setTimeout(() => void this.#check(), this.#options.intervalMs * spread);
    this.#timer.unref();
  }

  async #check(): Promise<void> {
    const well = await this.#ask();
    // Stopped while it waited.
    if (this.#timer === undefined) return;
    this.#count(well);
    this.#schedule();
  }

  async #ask(): Promise<boolean> {
    const { path, timeoutMs } = this.#options;
    const nothing = (): void => {};
    const attempt = new Attempt({
      watch: this.#watch,
      silenceMs: timeoutMs,
      body: undefined,
      onInterim: nothing,
      onOver: nothing,
    });
    this.#attempt = attempt;
    attempt.sending = this.#instance.probe(
      { method: 'GET', path, headers: ['user-agent', 'grapevine-gateway'], body: undefined, upgrade: false },
      attempt,
    );
    try {
      const { status, body } = await attempt.answer;
      if ('cancel' in body) body.cancel();
      return status < 400;
    } catch {
      return false;
    }
  }

  /** `#inARow` counts what speaks against the present opinion. */
  #count(well: boolean): void {
    const { healthyAfter, unhealthyAfter } = this.#options;
    this.#inARow = well === this.#instance.healthy ? 0 : this.#inARow + 1;
    if (this.#inARow < (well ? healthyAfter : unhealthyAfter) || well === this.#instance.healthy) return;
    this.#instance.healthy = well;
    this.#inARow = 0;
  }
}
