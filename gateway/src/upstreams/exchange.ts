import type { IncomingHttpHeaders } from 'node:http';
import { Attempt } from './attempt.ts';
import type { StreamedBody } from './request-body.ts';
import type { SilenceWatch } from './silence-watch.ts';
import type { UpstreamRequest } from './upstream.ts';
import type { Engine } from './upstream-instance.ts';

export interface ExchangeOptions {
  readonly engine: Engine;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer | StreamedBody | undefined;
  readonly upgrade: boolean;
  /** Longest time without any sign of life; the instance's own when absent. */
  readonly timeoutMs: number | undefined;
  /** Hears interim answers. */
  readonly onInterim: (status: number, headers: IncomingHttpHeaders) => void;
}

/** A client's request on its way through an upstream, in however many attempts. */
export class Exchange {
  readonly engine: Engine;
  readonly request: UpstreamRequest;
  readonly #options: ExchangeOptions;
  #attempt: Attempt | undefined = undefined;
  #gone = false;

  constructor(options: ExchangeOptions) {
    this.engine = options.upgrade ? 'dispatch' : options.engine;
    this.request = options;
    this.#options = options;
  }

  /** Begins the next attempt. `onOver` hears when its connection is free again. */
  begin(watch: SilenceWatch, defaultTimeoutMs: number, onOver: () => void): Attempt {
    const { body, onInterim, timeoutMs } = this.#options;
    const silenceMs = timeoutMs ?? defaultTimeoutMs;
    const attempt = new Attempt({ watch, silenceMs, body, onInterim, onOver });
    this.#attempt = attempt;
    if (this.#gone) attempt.cancel();
    return attempt;
  }

  /** The client has its answer, or has gone: whatever is still under way is given up. */
  leave(): void {
    this.#gone = true;
    this.#attempt?.cancel();
  }
}
