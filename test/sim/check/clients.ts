import type { PublishOutcome } from '@grapevine/cluster-node/node-service.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { SimNode } from '../sim-node.ts';

export interface PublishWish {
  readonly count: number;
  readonly bodyBytes: number;
  readonly acks: number;
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
}

/** What clients need of the world. */
export interface ClientSurroundings {
  readonly nodes: readonly SimNode[];
  nowMs(): number;
  schedule(delayMs: number, run: () => void): void;
}

const topics = 5;
const defaultTimeoutMs = 5_000;
export const author = 'simulator';

/** The clients of the cluster: what they publish and what they are told. */
export class Clients {
  readonly counts = { published: 0, answered: 0, refused: 0 };
  readonly #world: ClientSurroundings;
  #next = 0;

  constructor(world: ClientSurroundings) {
    this.#world = world;
  }

  /** Publishes at node `index`, if it runs. Every message says in its body which one it is. */
  publish(index: number, { count, bodyBytes, acks, timeoutMs, idempotencyKey }: PublishWish): void {
    const node = this.#world.nodes[index];
    if (node?.running !== true) return;
    const messages = Array.from({ length: count }, () => {
      const name = `${this.#next++}`;
      return {
        topic: `topic-${this.#next % topics}`,
        body: name.padEnd(Math.max(name.length, bodyBytes), '.'),
        contentType: 'text/plain',
        headers: {},
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      };
    });
    this.counts.published += count;
    const request = { messages, acks, timeoutMs: timeoutMs ?? defaultTimeoutMs };
    node.publish(author, request).then(
      (outcome) => this.#world.schedule(0, () => this.#answered(outcome)),
      (error: unknown) => this.#world.schedule(0, () => this.#refused(error)),
    );
  }

  #answered({ results }: PublishOutcome): void {
    this.counts.answered += results.length;
  }

  #refused(error: unknown): void {
    if (!(error instanceof GrapevineError)) throw error;
    this.counts.refused++;
  }
}
