import type { RequestContext } from '../request-context.ts';
import type { Route } from '../routes/route.ts';
import { LoopDelay } from './loop-delay.ts';

export interface LoadOptions {
  /** Requests and streams open at once in this process. */
  readonly maxInFlight: number;
  /** How late the event loop may be, in milliseconds. */
  readonly maxLoopDelayMs: number;
}

/** What there was too much of. */
export type ShedReason = 'in-flight' | 'route' | 'loop-delay';

/** What the admin listener shows. */
export interface LoadStatus extends LoadOptions {
  readonly inFlight: number;
  readonly loopDelayMs: number;
  /** Requests that were turned away. */
  readonly shed: Readonly<Record<ShedReason, number>>;
}

/** How much further than others operators get: they come to see what is wrong when everything is full. */
const priorityShare = 1.1;

/**
 * Knows when this process has as much to do as it can. There is no queue: whoever waits in one is served late and keeps
 * others waiting, while one who is told at once can go elsewhere or come back.
 */
export class LoadLimits {
  readonly #options: LoadOptions;
  readonly #delay = new LoopDelay();
  /** By name: a change of the configuration makes new routes, and what is open stays open. */
  readonly #byRoute = new Map<string, number>();
  readonly #shed: Record<ShedReason, number> = { 'in-flight': 0, route: 0, 'loop-delay': 0 };
  #inFlight = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Why this request must be turned away; undefined when it is let in, which `leave` must follow once it is over. */
  enter(context: RequestContext): ShedReason | undefined {
    const { route } = context;
    const reason = this.#reason(context);
    if (reason !== undefined) {
      this.#shed[reason]++;
      return reason;
    }
    this.#inFlight++;
    if (route !== undefined) this.#count(route, 1);
    return undefined;
  }

  leave({ route }: RequestContext): void {
    this.#inFlight--;
    if (route !== undefined) this.#count(route, -1);
  }

  status(): LoadStatus {
    const loopDelayMs = Math.round(this.#delay.ms);
    return { ...this.#options, inFlight: this.#inFlight, loopDelayMs, shed: { ...this.#shed } };
  }

  stop(): void {
    this.#delay.stop();
  }

  #reason(context: RequestContext): ShedReason | undefined {
    const { maxInFlight, maxLoopDelayMs } = this.#options;
    const { route } = context;
    if (this.#inFlight >= maxInFlight) {
      if (!isPriority(context) || this.#inFlight >= Math.ceil(maxInFlight * priorityShare)) return 'in-flight';
    }
    const mostOnRoute = route?.config.maxInFlight;
    if (route !== undefined && mostOnRoute !== undefined && this.#openOn(route) >= mostOnRoute) return 'route';
    return this.#delay.ms > maxLoopDelayMs && !isPriority(context) ? 'loop-delay' : undefined;
  }

  #openOn(route: Route): number {
    return this.#byRoute.get(route.name) ?? 0;
  }

  #count(route: Route, change: number): void {
    // Stays when it is 0: there are as many as routes have names, and a Map whose one entry comes and goes is made anew all the time.
    this.#byRoute.set(route.name, this.#openOn(route) + change);
  }
}

function isPriority({ route, identity }: RequestContext): boolean {
  return route?.config.priority === 'high' || identity?.scopes.some((scope) => scope.startsWith('cluster:')) === true;
}
