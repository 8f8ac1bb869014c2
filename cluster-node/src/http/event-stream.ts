import type { ServerResponse } from 'node:http';
import { encodeToken, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';

/** A place in the logs: what a reader has seen, and the token that says so. */
interface Place {
  readonly vector: Vector;
  readonly token: string;
}

/** One event as it goes over the wire, and the place after it. */
interface StreamEvent extends Place {
  readonly text: string;
}

/** Events that follow a place, the place after them all, and whether there are more to read at once. */
export interface StreamPage extends Place {
  readonly events: readonly StreamEvent[];
  readonly more: boolean;
}

/** Unsent bytes beyond which a reader has to catch up before it gets more. */
const maxUnsentBytes = 1024 * 1024;
/** Heartbeats that a full buffer may last: a reader slower than 1 MiB in 30 s would never keep up. */
const maxFullBeats = 3;

/** One reader's `text/event-stream` (WHATWG HTML, section 9.2), and how far it has come. */
export class EventStream {
  readonly topic: string | undefined;
  readonly #response: ServerResponse;
  #place: Place;
  /** There may be something after the place. */
  #lacking = true;
  #full = false;
  #fullBeats = 0;

  constructor(response: ServerResponse, topic: string | undefined, since: Vector) {
    this.topic = topic;
    this.#response = response;
    this.#place = { vector: since, token: encodeToken(since) };
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // Proxies that buffer would hold events back (nginx's name, which others understand, too).
      'x-accel-buffering': 'no',
    });
    // An id without data raises no event, but a reader that loses the connection before the first one knows where to resume.
    response.write(`: open\nid: ${this.#place.token}\n\n`);
  }

  get vector(): Vector {
    return this.#place.vector;
  }

  get token(): string {
    return this.#place.token;
  }

  /** Whether it is worth reading on for this stream. */
  get isReady(): boolean {
    return this.#lacking && !this.#full && !this.#response.writableEnded;
  }

  /** Something has been committed. */
  wake(): void {
    this.#lacking = true;
  }

  /** The client has read what was sent. */
  drained(): void {
    this.#full = false;
    this.#fullBeats = 0;
  }

  /** Sends the events, which follow this stream's place. What does not fit is not kept: it is read again later. */
  deliver(page: StreamPage): void {
    this.#response.cork();
    for (const event of page.events) {
      this.#response.write(event.text);
      this.#place = event;
      this.#full = this.#response.writableLength > maxUnsentBytes;
      if (this.#full) break;
    }
    if (!this.#full) {
      this.#place = page;
      this.#lacking = page.more;
    }
    // Comes last: when the socket takes everything at once, the stream is told that it has drained before this returns.
    this.#response.uncork();
  }

  /** One interval has passed. */
  beat(): void {
    if (this.#response.writableEnded) {
      // It was told why it is cut off, and has not even read that.
      this.#response.destroy();
    } else if (!this.#full) {
      this.#response.write(': keep-alive\n\n');
    } else if (++this.#fullBeats >= maxFullBeats) {
      this.#response.end('event: cut\ndata: {"reason":"slow-reader"}\n\n');
    }
  }

  end(): void {
    this.#response.end();
  }
}
