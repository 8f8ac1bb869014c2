import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { type Again, againAfter, isRepeatable } from './again.ts';
import type { Answer } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { ClientGone, NeverSent } from './failures.ts';
import { RetryBudget } from './retry-budget.ts';
import { breakerOpen, fullyLoaded, type UpstreamInstance } from './upstream-instance.ts';

export interface RetryOptions {
  /** Attempts of one request, the first one included. */
  readonly attempts: number;
  /** Retries per request that last. */
  readonly budgetRatio: number;
  /** Mean wait before the same instance is tried again, in milliseconds; twice as long each time. */
  readonly backoffMs: number;
}

export interface GroupPorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** What became of attempts after the first. */
export interface RetryCounts {
  readonly retries: number;
  readonly hedges: number;
  /** Retries that were not made because there had been too many. */
  readonly withheld: number;
}

/** Share of instances that may be left out for their health: if more look ill, it is more likely that the looking is wrong. */
const maxLeftOut = 0.5;

/** The instances of one upstream: which one gets a request, and which one gets it next when that fails. */
export class UpstreamGroup {
  readonly name: string;
  /** As they are now: they join and leave where they are discovered. */
  instances: readonly UpstreamInstance[];
  readonly #retry: RetryOptions;
  readonly #restMs: number;
  readonly #ports: GroupPorts;
  readonly #budget: RetryBudget;
  readonly counts = { retries: 0, hedges: 0, withheld: 0 } satisfies RetryCounts;

  /** `restMs`: how long an open breaker rests, for what clients are told. */
  constructor(
    name: string,
    instances: readonly UpstreamInstance[],
    retry: RetryOptions,
    restMs: number,
    ports: GroupPorts,
  ) {
    this.name = name;
    this.instances = instances;
    this.#retry = retry;
    this.#restMs = restMs;
    this.#ports = ports;
    this.#budget = new RetryBudget(retry.budgetRatio, ports.clock.monotonicMs());
  }

  /**
   * Carries an exchange to one instance, and on to others as long as that is safe, can help, and time, attempts and budget
   * allow. Rejects with `ClientGone` or with what the client is to be told.
   */
  async carry(exchange: Exchange): Promise<Answer> {
    this.#budget.request();
    for (;;) {
      const outcome = await this.#attempt(exchange);
      const again = this.#mayTryAgain(exchange, outcome);
      if (again === 'no') {
        if ('error' in outcome) throw outcome.error;
        return outcome.answer;
      }
      if ('answer' in outcome && 'cancel' in outcome.answer.body) outcome.answer.body.cancel();
      if (again === 'anywhere') await this.#backOff(exchange);
      if (exchange.gone) throw new ClientGone('the client went away between two attempts');
    }
  }

  async #attempt(exchange: Exchange): Promise<{ answer: Answer; status: number } | { error: unknown }> {
    try {
      const instance = this.#pick(exchange.tried);
      const { hedgeAfterMs } = exchange.options;
      const answer = await (hedgeAfterMs === undefined
        ? instance.carry(exchange)
        : this.#hedged(exchange, instance, hedgeAfterMs));
      return { answer, status: answer.status };
    } catch (error) {
      return { error };
    }
  }

  #mayTryAgain(exchange: Exchange, outcome: { status: number } | { error: unknown }): Again {
    if ('status' in outcome && outcome.status < 500) return 'no';
    if (exchange.gone || exchange.tried.length >= this.#retry.attempts) return 'no';
    const again = againAfter(outcome, exchange.options);
    const others = this.#usable(exchange.tried).length > 0;
    if (again === 'no' || (again === 'elsewhere' && !others)) return 'no';
    const nowMs = this.#ports.clock.monotonicMs();
    if (nowMs >= exchange.options.deadlineMs) return 'no';
    if (!this.#budget.retry(nowMs)) {
      this.counts.withheld++;
      return 'no';
    }
    this.counts.retries++;
    return others ? 'elsewhere' : 'anywhere';
  }

  /**
   * A second attempt at another instance when the first takes long, for what may be done twice; whichever answers first
   * counts, and the other is given up.
   */
  async #hedged(exchange: Exchange, first: UpstreamInstance, afterMs: number): Promise<Answer> {
    const answer = first.carry(exchange);
    const { options, tried } = exchange;
    if (!isRepeatable(options) || options.body !== undefined) return answer;
    const early = new AbortController();
    const late = delay(afterMs, undefined, { signal: early.signal }).then(
      () => 'late' as const,
      () => 'early' as const,
    );
    const settled = answer.then(
      () => early.abort(),
      () => early.abort(),
    );
    if ((await Promise.race([late, settled])) !== 'late' || exchange.gone) return answer;
    const [second] = this.#usable(tried);
    if (second === undefined || !this.#budget.retry(this.#ports.clock.monotonicMs())) return answer;
    this.counts.hedges++;
    const winner = await firstGood([answer, second.carry(exchange)]);
    exchange.keepOnly(winner);
    return winner;
  }

  /** Full jitter: many that failed at once must not come back at once. */
  async #backOff({ tried, options }: Exchange): Promise<void> {
    const { clock, random } = this.#ports;
    const longest = 2 * this.#retry.backoffMs * 2 ** (tried.length - 1);
    const left = options.deadlineMs - clock.monotonicMs();
    await delay(Math.min(left, longest * random.float()));
  }

  /**
   * The instance for the next attempt: of two random ones that were not tried yet, the one that would answer sooner by its
   * load and latency ("the power of two choices"). Where all were tried, any of those that take requests.
   */
  #pick(tried: readonly UpstreamInstance[]): UpstreamInstance {
    const untried = this.#usable(tried);
    const usable = untried.length > 0 ? untried : this.#usable([]);
    const [first, second] = [this.#any(usable), this.#any(usable)];
    if (first === undefined || second === undefined) throw this.#refusal();
    return second.cost < first.cost ? second : first;
  }

  /** Why nobody takes a request. */
  #refusal(): GrapevineError {
    if (this.instances.length === 0) return nobodyKnown(this.name);
    return this.instances.some(({ state }) => state === 'closed') ? fullyLoaded() : breakerOpen(this.#restMs);
  }

  #any(instances: readonly UpstreamInstance[]): UpstreamInstance | undefined {
    return instances[instances.length === 1 ? 0 : this.#ports.random.below(instances.length)];
  }

  /** Instances that take requests and look well; when too many look ill, that is not believed. */
  #usable(tried: readonly UpstreamInstance[]): readonly UpstreamInstance[] {
    if (this.instances.length === 1) {
      return this.instances.filter((instance) => instance.takesRequests && !tried.includes(instance));
    }
    const well = this.instances.filter((instance) => instance.healthy && !instance.ejected);
    const believed = well.length >= this.instances.length * maxLeftOut ? well : this.instances;
    return believed.filter((instance) => instance.takesRequests && !tried.includes(instance));
  }
}

/** What a client is told while no instance has been found. */
function nobodyKnown(name: string): NeverSent {
  return new NeverSent('elsewhere', 'UNAVAILABLE', `No instance of the service ${name} is known.`, {
    retryAfterSeconds: 1,
  });
}

/** The first answer that is no server error; when there is none, what came last. */
async function firstGood(answers: readonly Promise<Answer>[]): Promise<Answer> {
  const good = answers.map(async (answer) => {
    const { status } = await answer;
    if (status >= 500) throw new Error('a server error');
    return answer;
  });
  try {
    return await Promise.any(good);
  } catch {
    return answers[answers.length - 1] ?? Promise.reject(new Error('nothing to wait for'));
  }
}
