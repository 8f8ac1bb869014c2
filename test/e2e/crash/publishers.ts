import { setTimeout as delay } from 'node:timers/promises';
import { type Accepted, ApiError, type Client } from '../clients.ts';

/** Between two messages of one client, in milliseconds: enough of them while a node is down, and the machine keeps room for it to start. */
const pauseMs = 8;

export interface PublishedMessage extends Accepted {
  readonly client: string;
  /** Counts this client's messages. */
  readonly number: number;
}

export interface PublisherOptions {
  readonly name: string;
  readonly client: Client;
  readonly topic: string;
  readonly acks: number;
  /** Whether each message carries an idempotency key. */
  readonly keyed: boolean;
}

/** A client that publishes one numbered message after another, and remembers which were accepted and which failed. */
export class Publisher {
  readonly name: string;
  readonly keyed: boolean;
  readonly accepted: PublishedMessage[] = [];
  readonly failures: ApiError[] = [];
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.name = options.name;
    this.keyed = options.keyed;
  }

  /** Publishes until `signal` aborts. Throws when there is no answer at all. */
  async run(signal: AbortSignal): Promise<void> {
    for (let number = 0; !signal.aborted; number++) {
      await this.#publish(number);
      await delay(pauseMs);
    }
  }

  async #publish(number: number): Promise<void> {
    const { name, client, topic, acks, keyed } = this.#options;
    const body = `${name} ${number}`;
    const idempotencyKey = keyed ? body : undefined;
    try {
      const accepted = await client.publish({ topic, body, acks, idempotencyKey });
      this.accepted.push({ ...accepted, client: name, number });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failures.push(error);
    }
  }
}
