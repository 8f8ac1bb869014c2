import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import type { AnswerCache } from './cache/answer-cache.ts';
import type { RateStatus } from './limits/rate-limiter.ts';
import type { LoadLimits } from './load/load-limits.ts';
import type { Step } from './request-context.ts';
import type { RouteTable } from './routes/route-table.ts';
import type { UpstreamPool } from './upstreams/upstream-pool.ts';

/** What a configuration makes of the gateway. */
export interface GenerationParts {
  readonly config: GatewayConfig;
  readonly routes: RouteTable;
  readonly upstreams: UpstreamPool;
  readonly rates: () => readonly RateStatus[];
  readonly load: LoadLimits;
  readonly cache: AnswerCache;
  /** What each request passes, in order. */
  readonly steps: readonly Step[];
  /** Looks again at the files that callers are checked against. */
  readonly reloadCredentials: () => Promise<void>;
}

/**
 * A configuration in force. Requests, streams and WebSockets end under the one that they began with: what it uses is let go
 * when the next one is in force and the last of them is over.
 */
export class Generation {
  readonly parts: GenerationParts;
  readonly #leases: Disposable;
  #open = 0;
  #retired = false;

  constructor(parts: GenerationParts, leases: Disposable) {
    this.parts = parts;
    this.#leases = leases;
  }

  /** A request begins under it. */
  enter(): void {
    this.#open++;
  }

  /** A request that began under it is over. */
  leave(): void {
    this.#open--;
    this.#endWhenUnused();
  }

  /** No further request begins under it. */
  retire(): void {
    this.#retired = true;
    this.#endWhenUnused();
  }

  #endWhenUnused(): void {
    if (this.#retired && this.#open === 0) this.#leases[Symbol.dispose]();
  }
}
