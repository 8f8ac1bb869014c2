import type { IncomingHttpHeaders } from 'node:http';
import { Opened } from '../open-list.ts';
import type { Selection } from './vary.ts';

/** For whom an answer may be used again. */
export type Sharing = 'everybody' | 'principal' | 'nobody';

/** What an answer's headers say about keeping it. */
export interface Terms {
  readonly sharing: Sharing;
  /** How long it is fresh, in seconds from its age 0. */
  readonly lifetimeSeconds: number;
  /** Its age when it arrived, in seconds. */
  readonly initialAgeSeconds: number;
  /** Must be checked with the upstream every time. */
  readonly mustValidate: boolean;
  /** Nobody may get it stale, whatever they say. */
  readonly neverStale: boolean;
  /** For so many seconds behind its freshness it may go out while a new one is fetched, and when there is none to be had. */
  readonly staleWhileRevalidateSeconds: number;
  readonly staleIfErrorSeconds: number;
  /** When it was made, by its `Date` or else when it arrived; milliseconds since the Unix epoch. */
  readonly dateMs: number;
}

/** Which request an answer belongs to. */
export interface AnswerKey {
  /** Host and target as the client wrote them. */
  readonly uri: string;
  /** Two routes can make different requests of the same address. */
  readonly route: string;
  /** Who may have it; everybody when undefined. */
  readonly principal: string | undefined;
  readonly selection: Selection;
}

/** Besides body and headers: the objects that hold them. An estimate. */
const overheadBytes = 1_024;

/** An answer that is kept, or the knowledge that there is none worth keeping. Does not change; a newer one takes its place. */
export class StoredAnswer extends Opened {
  readonly key: AnswerKey;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly terms: Terms;
  /** By the monotonic clock. */
  readonly storedMs: number;
  readonly bytes: number;

  constructor(parts: {
    readonly key: AnswerKey;
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
    readonly terms: Terms;
    readonly storedMs: number;
  }) {
    super();
    this.key = parts.key;
    this.status = parts.status;
    this.headers = parts.headers;
    this.body = parts.body;
    this.terms = parts.terms;
    this.storedMs = parts.storedMs;
    this.bytes = overheadBytes + parts.body.length + parts.key.uri.length + headerBytes(parts.headers);
  }

  /** Its current age in seconds (RFC 9111 section 4.2.3). */
  ageSeconds(nowMs: number): number {
    return this.terms.initialAgeSeconds + (nowMs - this.storedMs) / 1_000;
  }

  /** How much longer it is fresh, in seconds; negative when it is stale. */
  leftSeconds(nowMs: number): number {
    return this.terms.lifetimeSeconds - this.ageSeconds(nowMs);
  }

  /** Whether the upstream can be asked if it still holds. */
  get hasValidator(): boolean {
    return this.headers.etag !== undefined || this.headers['last-modified'] !== undefined;
  }
}

function headerBytes(headers: IncomingHttpHeaders): number {
  let bytes = 0;
  for (const name in headers) bytes += name.length + String(headers[name]).length;
  return bytes;
}
