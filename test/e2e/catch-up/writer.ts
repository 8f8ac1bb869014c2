import { setTimeout as delay } from 'node:timers/promises';
import type { NodeApi } from '../node-api.ts';

/** Between two publishes, in milliseconds: a steady trickle beside the catch-up. */
const pauseMs = 10;

/** Publishes one message after another at a node, while it lives, and remembers what was accepted. */
export class Writer {
  readonly accepted: string[] = [];
  readonly #node: NodeApi;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(node: NodeApi) {
    this.#node = node;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#abort.signal.aborted; number++) {
      try {
        const { results } = await this.#node.publish({ messages: [{ topic: 'news', body: `${number}` }] });
        this.accepted.push(...results.map(({ id }) => id));
      } catch {
        // The node was killed, or starts: what was not accepted does not count.
      }
      await delay(pauseMs);
    }
  }
}
