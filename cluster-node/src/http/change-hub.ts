import type { ServerResponse } from 'node:http';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { type ChangesEvent, streamKeepAliveMs, type Topic } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Views } from '../views/views.ts';

/** Followers at once. Each is a process in front of the cluster, not a client of one. */
const maxFollowers = 256;
/**
 * Milliseconds in which changes are gathered into one event: what a cached answer may be old at the most, and no more
 * than 200 events a second however many commits there are.
 */
const gatherMs = 5;
/** Topics that are gathered, about 150 bytes each: with so many the event goes out at once. */
const maxTopics = 1_000;
/** A follower that lets so many bytes wait is cut off: it starts at the present again when it has caught its breath. */
const maxUnsentBytes = 1024 * 1024;

/** Tells followers which topics change, as long as they listen: what they kept of a topic stands until then. */
export class ChangeHub {
  readonly #views: Pick<Views, 'onTopics' | 'vector'>;
  readonly #followers = new Set<ServerResponse>();
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  /** By name, as they were last. */
  #changed = new Map<string, ChangesEvent['topics'][number]>();
  #gathering: NodeJS.Timeout | undefined;

  constructor(views: Pick<Views, 'onTopics' | 'vector'>) {
    this.#views = views;
    this.#unsubscribe = views.onTopics((topics) => this.#gather(topics));
    this.#heartbeat = setInterval(() => this.#send(': keep-alive\n\n'), streamKeepAliveMs);
  }

  get size(): number {
    return this.#followers.size;
  }

  /** Sends the present, and then every change until the follower goes away. Throws `OVERLOADED` when there are too many. */
  open(response: ServerResponse): void {
    if (this.#followers.size >= maxFollowers) {
      throw new GrapevineError(
        'OVERLOADED',
        `Found ${maxFollowers} followers of changes, the most that a node serves.`,
        {
          retryAfterSeconds: 1,
        },
      );
    }
    // Followers that are there get what was gathered so far, so that the new one's present is behind none of it.
    this.#flush();
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(eventOf({ token: encodeToken(this.#views.vector()), topics: [] }));
    this.#followers.add(response);
    response.once('close', () => this.#followers.delete(response));
  }

  /** Ends every stream; followers go on at another node. */
  close(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#gathering);
    this.#unsubscribe();
    for (const response of this.#followers) response.end();
  }

  #gather(topics: readonly Topic[]): void {
    if (this.#followers.size === 0) return;
    for (const { name, count, digest } of topics) this.#changed.set(name, { name, count, digest });
    if (this.#changed.size >= maxTopics) this.#flush();
    else this.#gathering ??= setTimeout(() => this.#flush(), gatherMs);
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#changed.size === 0) return;
    const topics = [...this.#changed.values()];
    this.#changed = new Map();
    this.#send(eventOf({ token: encodeToken(this.#views.vector()), topics }));
  }

  #send(text: string): void {
    for (const response of this.#followers) {
      if (response.writableLength > maxUnsentBytes) response.destroy();
      else response.write(text);
    }
  }
}

function eventOf(event: ChangesEvent): string {
  return `event: changes\ndata: ${JSON.stringify(event)}\n\n`;
}
