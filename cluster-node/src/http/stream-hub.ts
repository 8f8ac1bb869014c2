import type { ServerResponse } from 'node:http';
import { encodeToken, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import { streamKeepAliveMs } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { NodeService } from '../node-service.ts';
import { DataDamage } from '../store/damage.ts';
import { EventStream, type StreamPage } from './event-stream.ts';
import { messageJson } from './message-json.ts';

/** Streams open at once: each may hold up to about 1 MiB of unsent events, and every commit wakes them all. */
const maxStreams = 1_000;
/** Entries read for one stream before the others have their turn. */
const pageItems = 32;

/**
 * All open event streams of a node. Streams only hold a place in the logs and are served from the store, so that a slow
 * reader costs no memory and loses nothing. They are served in rounds, one page each, between which the event loop runs:
 * readers that catch up cannot keep publishes waiting. Readers at the same place share one read.
 */
export class StreamHub {
  readonly #service: Pick<NodeService, 'views' | 'onCommit' | 'suspect'>;
  readonly #streams = new Set<EventStream>();
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #roundScheduled = false;

  constructor(service: Pick<NodeService, 'views' | 'onCommit' | 'suspect'>) {
    this.#service = service;
    this.#unsubscribe = service.onCommit(() => {
      for (const stream of this.#streams) stream.wake();
      this.#schedule();
    });
    this.#heartbeat = setInterval(() => this.beat(), streamKeepAliveMs);
  }

  /** Streams that are open. */
  get size(): number {
    return this.#streams.size;
  }

  /**
   * Sends what `since` does not cover of `topic` (of all topics when undefined), and goes on until the client goes away.
   * Throws `OVERLOADED` when too many streams are open.
   */
  open(response: ServerResponse, topic: string | undefined, since: Vector): void {
    if (this.#streams.size >= maxStreams) {
      throw new GrapevineError(
        'OVERLOADED',
        `Found ${maxStreams} open streams, which is the most that a node serves.`,
        {
          retryAfterSeconds: 1,
        },
      );
    }
    const stream = new EventStream(response, topic, since);
    this.#streams.add(stream);
    response.once('close', () => this.#streams.delete(stream));
    response.on('drain', () => {
      stream.drained();
      this.#schedule();
    });
    this.#schedule();
  }

  /** Keeps idle connections open and cuts those that nobody reads. */
  beat(): void {
    for (const stream of this.#streams) stream.beat();
  }

  /** Ends every stream; readers resume elsewhere by token. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
    for (const stream of this.#streams) stream.end();
  }

  #schedule(): void {
    if (this.#roundScheduled) return;
    this.#roundScheduled = true;
    setImmediate(() => {
      this.#roundScheduled = false;
      this.#round();
    });
  }

  #round(): void {
    const pages = new Map<string, StreamPage>();
    for (const stream of this.#streams) {
      if (!stream.isReady) continue;
      const key = `${stream.token} ${stream.topic ?? ''}`;
      const page = pages.get(key) ?? this.#tryRead(stream);
      if (page === undefined) continue;
      pages.set(key, page);
      stream.deliver(page);
      if (stream.isReady) this.#schedule();
    }
  }

  /** The next page of a stream; one that comes to damaged data is ended: its reader resumes at another node. */
  #tryRead(stream: EventStream): StreamPage | undefined {
    try {
      return this.#read(stream.vector, stream.topic);
    } catch (error) {
      if (!(error instanceof DataDamage)) throw error;
      this.#service.suspect(error);
      this.#streams.delete(stream);
      stream.end();
      return undefined;
    }
  }

  #read(since: Vector, topic: string | undefined): StreamPage {
    const found = this.#service.views.since(since, new Set(topic === undefined ? [] : [topic]), pageItems);
    const seen = new Map(since);
    const events = found.items.map((stored) => {
      // Entries of an origin come in order: what was left out before this one was of other topics.
      seen.set(stored.entry.origin, stored.entry.seq + 1);
      const token = encodeToken(seen);
      const text = `event: message\nid: ${token}\ndata: ${JSON.stringify(messageJson(stored))}\n\n`;
      return { text, vector: new Map(seen), token };
    });
    return { events, vector: found.vector, token: encodeToken(found.vector), more: found.more };
  }
}
