import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import type { Draft as DraftJson, PublishRequest, PublishResult } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { requirePublishable } from '@grapevine/shared/log/entry.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import type { PublishOrder, ReplicaEffect, ReplicaEvent } from './core/events.ts';
import type { Draft, Placement } from './core/writer.ts';
import type { PublishOutcome } from './node-service.ts';
import type { Views } from './views/views.ts';

type Outcome = Extract<ReplicaEffect, { type: 'settled' | 'rejected' }>;

/** What a publish of new messages came to. */
interface Settled {
  readonly placements: readonly Placement[];
  readonly heldBy: number;
  readonly acknowledged: boolean;
}

/** Where a message is, or will be, that this request refers to: new, or known under its idempotency key. */
type Reference = { readonly fresh: number } | { readonly known: KnownMessage | Promise<KnownMessage> };
type KnownMessage = Omit<PublishResult, 'duplicate' | 'heldBy'>;

export interface PublisherParts {
  /** That of this node's own log. */
  readonly origin: string;
  readonly views: Views;
  readonly maxBodyBytes: number;
  /** Has the replica take in an event. */
  readonly step: (event: ReplicaEvent) => void;
  /** Calls `run` after so many milliseconds, unless what it answers is called before. */
  readonly after: (delayMs: number, run: () => void) => () => void;
}

const encoder = new TextEncoder();

/**
 * Longest wait for the disk, in milliseconds; what a publish allows for other nodes comes on top. Longer than a node takes
 * that wakes up and asks its peers, during which publishes wait as well.
 */
const diskPatienceMs = 15_000;

/** Accepts publishes, recognises repeated ones by their idempotency keys, and waits for what the replica makes of them. */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #open = new Map<number, { resolve(settled: Settled): void; reject(error: Error): void }>();
  /** Idempotency keys of messages that are not in the views yet; as many as the replica's queue holds messages. */
  readonly #inFlight = new Map<string, Promise<KnownMessage>>();
  #queue: PublishOrder[] = [];
  #nextTicket = 1;
  #drained: (() => void) | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  async publish(author: string, request: PublishRequest): Promise<PublishOutcome> {
    const fresh: Draft[] = [];
    const claims = new Map<string, number>();
    const references = request.messages.map((message, index): Reference => {
      const { idempotencyKey } = message;
      const key = idempotencyKey === undefined ? undefined : `${author}\0${idempotencyKey}`;
      const known = key === undefined ? undefined : this.#lookUp(author, key, idempotencyKey, claims);
      if (known !== undefined) return known;
      if (key !== undefined) claims.set(key, fresh.length);
      fresh.push(blaming(index, () => this.#draftOf(author, message)));
      return { fresh: fresh.length - 1 };
    });
    const [settled, repeated] = await this.#withinPatience(
      request,
      Promise.all([
        fresh.length === 0 ? nothingNew : this.#submit(fresh, claims, request),
        this.#awaitRepeated(references, request),
      ]),
    );
    return this.#outcome(references, settled, repeated);
  }

  /** The replica's word on a ticket. */
  finish(outcome: Outcome): void {
    const waiting = this.#open.get(outcome.ticket);
    this.#open.delete(outcome.ticket);
    if (outcome.type === 'settled') waiting?.resolve(outcome);
    else waiting?.reject(rejection(outcome));
    if (this.#open.size === 0) this.#drained?.();
  }

  /** Resolves when nothing is in flight any more. */
  async drain(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  #lookUp(
    author: string,
    key: string,
    idempotencyKey: string | undefined,
    claims: ReadonlyMap<string, number>,
  ): Reference | undefined {
    const earlier = claims.get(key);
    if (earlier !== undefined) return { fresh: earlier };
    const inFlight = this.#inFlight.get(key);
    if (inFlight !== undefined) return { known: inFlight };
    const stored =
      idempotencyKey === undefined ? undefined : this.#parts.views.byIdempotencyKey(author, idempotencyKey);
    if (stored === undefined) return undefined;
    const { origin, seq, hlc } = stored.entry;
    return { known: { id: stored.id, origin, seq, hlc: hlcToHex(hlc) } };
  }

  #draftOf(author: string, message: DraftJson): Draft {
    const body = encoder.encode(message.body);
    const { maxBodyBytes } = this.#parts;
    if (body.length > maxBodyBytes) {
      throw new GrapevineError(
        'PAYLOAD_TOO_LARGE',
        `body: found ${body.length} bytes of UTF-8, expected at most ${maxBodyBytes}.`,
      );
    }
    const draft = {
      topic: message.topic,
      author,
      contentType: message.contentType,
      headers: message.headers,
      ...(message.key === undefined ? {} : { key: message.key }),
      ...(message.idempotencyKey === undefined ? {} : { idempotencyKey: message.idempotencyKey }),
      body,
    };
    // The schema counts characters, an entry counts bytes: what does not fit must fail here, not in the replica.
    requirePublishable(draft);
    return draft;
  }

  #submit(drafts: readonly Draft[], claims: ReadonlyMap<string, number>, request: PublishRequest): Promise<Settled> {
    const ticket = this.#nextTicket++;
    const settled = this.#settled(ticket);
    for (const [key, index] of claims) this.#claim(key, index, settled);
    this.#enqueue({ ticket, drafts, acks: request.acks, timeoutMs: request.timeoutMs });
    return settled;
  }

  /** What was published before is acknowledged anew: whoever repeats it has not heard how many nodes hold it. */
  async #awaitRepeated(references: readonly Reference[], { acks, timeoutMs }: PublishRequest): Promise<Settled> {
    const places = await Promise.all(
      references.flatMap((reference) => ('known' in reference ? [reference.known] : [])),
    );
    if (places.length === 0) return nothingNew;
    const ticket = this.#nextTicket++;
    const settled = this.#settled(ticket);
    this.#parts.step({ type: 'await-holders', order: { ticket, places, acks, timeoutMs } });
    return settled;
  }

  #settled(ticket: number): Promise<Settled> {
    return new Promise((resolve, reject) => this.#open.set(ticket, { resolve, reject }));
  }

  /** Makes later publishes with the same key wait for this one. */
  #claim(key: string, index: number, settled: Promise<Settled>): void {
    const known = settled.then(({ placements }) => this.#messageAt(placements[index]));
    this.#inFlight.set(key, known);
    const release = (): boolean => this.#inFlight.delete(key);
    known.then(release, release);
  }

  /** What arrives within one turn of the event loop reaches the replica together, and so shares a commit. */
  #enqueue(order: PublishOrder): void {
    if (this.#queue.length === 0) setImmediate(() => this.#flush());
    this.#queue.push(order);
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#parts.step({ type: 'publish', orders: queue });
  }

  async #outcome(references: readonly Reference[], settled: Settled, repeated: Settled): Promise<PublishOutcome> {
    const results: PublishResult[] = [];
    const seen = new Set<number>();
    for (const reference of references) {
      if ('fresh' in reference) {
        const duplicate = seen.has(reference.fresh);
        seen.add(reference.fresh);
        results.push({ ...this.#messageAt(settled.placements[reference.fresh]), duplicate, heldBy: settled.heldBy });
      } else {
        results.push({ ...(await reference.known), duplicate: true, heldBy: repeated.heldBy });
      }
    }
    const vector = new Map<string, number>();
    for (const { origin, seq } of results) vector.set(origin, Math.max(vector.get(origin) ?? 0, seq + 1));
    const acknowledged = settled.acknowledged && repeated.acknowledged;
    return { results, token: encodeToken(vector), acknowledged };
  }

  /** Nobody waits for ever for a disk that hangs. What was handed to it may still be stored. */
  async #withinPatience<Result>({ acks, timeoutMs }: PublishRequest, outcome: Promise<Result>): Promise<Result> {
    const { promise: timeUp, reject } = Promise.withResolvers<never>();
    const patienceMs = diskPatienceMs + (acks === 1 ? 0 : timeoutMs);
    const callOff = this.#parts.after(patienceMs, () => {
      const message = `It was not on the disk of this node after ${patienceMs / 1_000} s.`;
      reject(new GrapevineError('OUTCOME_UNKNOWN', message, { retryAfterSeconds: 1 }));
    });
    try {
      return await Promise.race([outcome, timeUp]);
    } finally {
      callOff();
    }
  }

  #messageAt(placement: Placement | undefined): KnownMessage {
    if (placement === undefined) throw new RangeError('A settled publish has a place for every draft.');
    return { ...placement, origin: this.#parts.origin };
  }
}

/** Says which message of a batch an error is about, so that its sender can leave that one out. */
function blaming<Made>(message: number, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof GrapevineError)) throw error;
    throw new GrapevineError(error.code, error.message, { extensions: { message } });
  }
}

const nothingNew: Settled = { placements: [], heldBy: 1, acknowledged: true };

function rejection({ why, reason }: Extract<Outcome, { type: 'rejected' }>): GrapevineError {
  const retry = { retryAfterSeconds: 1 };
  switch (why) {
    case 'queue-full':
      return new GrapevineError('OVERLOADED', `The queue of this node is full: ${reason}.`, retry);
    case 'store-refuses':
      return new GrapevineError('DISK_FAILED', `This node cannot write to its disk: ${reason}`, retry);
    case 'store-failed':
      return new GrapevineError('OUTCOME_UNKNOWN', `The disk failed while this was written: ${reason}`, retry);
    case 'superseded':
      return new GrapevineError('UNAVAILABLE', `This node does not write any more: ${reason}.`, retry);
  }
}
