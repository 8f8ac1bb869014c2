import type { IncomingHttpHeaders } from 'node:http';
import { timeLeftHeader } from '@grapevine/shared/http/time-left.ts';
import type { Answer } from './answer.ts';
import { Attempt } from './attempt.ts';
import type { StreamedBody } from './request-body.ts';
import type { SilenceWatch } from './silence-watch.ts';
import type { UpstreamRequest } from './upstream.ts';
import type { Engine, UpstreamInstance } from './upstream-instance.ts';

export interface ExchangeOptions {
  readonly engine: Engine;
  readonly method: string;
  readonly path: string;
  /** The exchange adds to them. */
  readonly headers: string[];
  readonly body: Buffer | StreamedBody | undefined;
  readonly upgrade: boolean;
  /** Longest time without any sign of life, in milliseconds. */
  readonly silenceMs: number;
  /** When the answer must have begun, by the monotonic clock. */
  readonly deadlineMs: number;
  /** A second attempt is made elsewhere when there is no answer after so long, in milliseconds; never when absent. */
  readonly hedgeAfterMs: number | undefined;
  /** Hears interim answers. */
  readonly onInterim: (status: number, headers: IncomingHttpHeaders) => void;
}

/** A client's request on its way through an upstream, in however many attempts. */
export class Exchange {
  readonly options: ExchangeOptions;
  readonly engine: Engine;
  /** Instances that it was sent to, in order. */
  readonly tried: UpstreamInstance[] = [];
  readonly #headers: string[];
  readonly #request: UpstreamRequest;
  readonly #attempts: Attempt[] = [];
  #gone = false;

  constructor(options: ExchangeOptions) {
    const { method, path, body, upgrade } = options;
    this.options = options;
    this.engine = upgrade ? 'dispatch' : options.engine;
    this.#headers = options.headers;
    this.#headers.push(timeLeftHeader, '');
    this.#request = { method, path, headers: this.#headers, body, upgrade };
  }

  /** Whether nobody waits for an answer any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** As it goes to an instance now, which learns how much time is left. Good until the next attempt. */
  requestWithin(timeLeftMs: number): UpstreamRequest {
    this.#headers[this.#headers.length - 1] = String(Math.max(1, Math.floor(timeLeftMs)));
    return this.#request;
  }

  /** Begins an attempt. `onOver` hears when its connection is free again. */
  begin(watch: SilenceWatch, timeLeftMs: number, onOver: () => void): Attempt {
    const { body, onInterim, silenceMs } = this.options;
    const attempt = new Attempt({ watch, silenceMs: Math.min(silenceMs, timeLeftMs), body, onInterim, onOver });
    this.#attempts.push(attempt);
    if (this.#gone) attempt.cancel();
    return attempt;
  }

  /** Gives up all attempts but the one that brought this answer. */
  keepOnly(answer: Answer): void {
    for (const attempt of this.#attempts) if (attempt.brought !== answer) attempt.cancel();
  }

  /** The client has its answer, or has gone: whatever is still under way is given up. */
  leave(): void {
    this.#gone = true;
    for (const attempt of this.#attempts) attempt.cancel();
  }
}
