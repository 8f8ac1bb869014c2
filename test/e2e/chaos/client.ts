import { setTimeout as delay } from 'node:timers/promises';
import type { PublishResult } from '@grapevine/shared/contracts/node-api.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { NodeApi } from '../node-api.ts';

/** Nodes that must hold a message before it counts as acknowledged. */
const acks = 2;
/** How long a node may wait for them, and how long a client waits for a node that may hang; in milliseconds. */
const acksTimeoutMs = 1_000;
const answerMs = 2_500;
/** Between two messages, and before an attempt after a failed one, in milliseconds. */
const pauseMs = 10;

/** A message that the cluster said it keeps. */
export interface Acknowledged extends PublishResult {
  readonly body: string;
}

/** Publishes one numbered message after another at random nodes, each until it is acknowledged, as somebody would who must not lose any. */
export class ChaosClient {
  readonly acknowledged: Acknowledged[] = [];
  /** Attempts that ended in anything but an acknowledgement. */
  failures = 0;
  readonly #name: string;
  readonly #topic: string;
  readonly #nodes: readonly NodeApi[];
  readonly #random: Random;

  constructor(name: string, topic: string, nodes: readonly NodeApi[], random: Random) {
    this.#name = name;
    this.#topic = topic;
    this.#nodes = nodes;
    this.#random = random;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let number = 0; !signal.aborted; number++) {
      const body = `${this.#name} ${number}`;
      const result = await this.#publish(body, signal);
      if (result !== undefined) this.acknowledged.push({ ...result, body });
      await delay(pauseMs);
    }
  }

  /** Undefined when the time was over first: then the message may be there or not. */
  async #publish(body: string, signal: AbortSignal): Promise<PublishResult | undefined> {
    const messages = [{ topic: this.#topic, body, idempotencyKey: body }];
    while (!signal.aborted) {
      const node = this.#nodes[this.#random.below(this.#nodes.length)];
      try {
        const outcome = await node?.publish({ messages, acks, timeoutMs: acksTimeoutMs }, answerMs);
        if (outcome?.acknowledged === true) return outcome.results[0];
      } catch {
        // Killed, stopped, starting, or cut off from the others: the next attempt is for another node, mostly.
      }
      this.failures++;
      await delay(pauseMs);
    }
    return undefined;
  }
}
