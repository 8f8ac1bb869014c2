/** Subscribers with the clients that web applications use, as their guides tell to use them. */
import assert from 'node:assert/strict';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { Cluster } from '../cluster.ts';

const query = `subscription ($topic: String!, $since: String) {
  messageAdded(topic: $topic, since: $since) { message { id origin seq } consistencyToken }
}`;
const resultSchema = z.object({
  data: z.object({
    messageAdded: z.object({
      message: z.object({ id: z.string(), origin: z.string(), seq: z.int() }),
      consistencyToken: z.string(),
    }),
  }),
});

type Results = AsyncIterableIterator<unknown>;
type Subscribe = (variables: Record<string, unknown>) => Results;

/** One way to subscribe, over a connection of its own. */
export interface Transport {
  readonly name: string;
  readonly subscribe: Subscribe;
  dispose(): void;
}

export function eventsOf({ gateway, tokens }: Cluster): Transport {
  const client = createSseClient({
    url: `${gateway}/web/graphql`,
    headers: { authorization: `Bearer ${tokens.web}` },
    retryAttempts: 0,
  });
  return {
    name: 'graphql-sse',
    subscribe: (variables) => client.iterate({ query, variables }),
    dispose: () => client.dispose(),
  };
}

export function webSocketOf({ gateway, tokens }: Cluster): Transport {
  // As in a browser, which cannot set headers: the token goes along as a second subprotocol.
  class WithToken extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, [protocol, `bearer.${tokens.web}`]);
    }
  }
  const url = `${gateway.replace('http', 'ws')}/web/graphql`;
  const client = createWsClient({ url, webSocketImpl: WithToken, retryAttempts: 0 });
  return {
    name: 'graphql-ws',
    subscribe: (variables) => client.iterate({ query, variables }),
    dispose: () => void client.dispose(),
  };
}

/** Reads a topic until it is stopped, and remembers what came and how often it had to subscribe again. */
export class Subscriber {
  readonly name: string;
  readonly received: { readonly id: string; readonly origin: string; readonly seq: number }[] = [];
  resumed = 0;
  readonly #transport: Transport;
  readonly #topic: string;
  readonly #running: Promise<void>;
  #since: string | undefined;
  #results: Results | undefined;
  #stopped = false;

  constructor(transport: Transport, topic: string) {
    this.name = transport.name;
    this.#transport = transport;
    this.#topic = topic;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#results?.return?.();
    this.#transport.dispose();
    await this.#running;
  }

  /** Leaves, and subscribes again from the last token. */
  async comeBack(): Promise<void> {
    await this.#results?.return?.();
  }

  /** Throws unless exactly `ids` came, each once, every origin's in order. */
  check(ids: ReadonlySet<string>): void {
    const received = this.received.map(({ id }) => id);
    assert.equal(new Set(received).size, received.length, `${this.name}: something came twice`);
    assert.deepEqual(new Set(received).symmetricDifference(ids), new Set(), `${this.name}: another set than published`);
    const last = new Map<string, number>();
    for (const { origin, seq } of this.received) {
      assert.ok(seq > (last.get(origin) ?? -1), `${this.name}: ${origin} ${seq} came out of order`);
      last.set(origin, seq);
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#results = this.#transport.subscribe({ topic: this.#topic, since: this.#since });
      try {
        for await (const result of this.#results) {
          const { message, consistencyToken } = resultSchema.parse(result).data.messageAdded;
          this.received.push(message);
          this.#since = consistencyToken;
        }
      } catch (error) {
        // A lost connection; anything that is no event of ours is a defect.
        if (error instanceof z.ZodError) throw error;
      }
      if (!this.#stopped) this.resumed++;
    }
  }
}
