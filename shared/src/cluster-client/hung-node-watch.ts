import type { NodeChannel } from './node-channel.ts';
import { NodeFailure } from './node-failure.ts';

/** A node that is allowed to wait for others is asked this often whether it is there at all, in milliseconds. */
const askEveryMs = 1_000;
/** Longer than a busy node takes for the cheapest of answers, in milliseconds. */
const answerMs = 2_000;

/**
 * Tells a node that waits, as a publish may have it do, from one that hangs: `signal` is aborted with a `NodeFailure` when
 * the node does not even say that it lives, or when `caller` is.
 */
export class HungNodeWatch implements Disposable {
  readonly signal: AbortSignal;
  readonly #channel: NodeChannel;
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(channel: NodeChannel, caller: AbortSignal | undefined) {
    this.#channel = channel;
    const { signal } = this.#ended;
    this.signal = caller === undefined ? signal : AbortSignal.any([caller, signal]);
    this.#timer = setInterval(() => void this.#ask(), askEveryMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    try {
      await this.#channel.request({ method: 'GET', path: '/healthz', headers: {}, timeoutMs: answerMs });
    } catch {
      this.#ended.abort(new NodeFailure('timeout', `${this.#channel.url} does not even say that it lives`));
    }
  }
}
