import type { StoredEntry, Views } from '@grapevine/cluster-node/views/views.ts';
import { covers, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import { shownMessage } from './set-full.ts';
import { SafetyViolation } from './violation.ts';

/** Small, so that a reader stops in the middle of segments. */
const pageSize = 7;
/** Far more pages than any run has. */
const maxPages = 10_000;

/** A message that a reader published. */
export interface OwnMessage {
  readonly id: string;
  readonly name: string;
  readonly origin: string;
  readonly seq: number;
  /** When it was first published, or earlier; in simulated milliseconds. */
  readonly sinceMs: number;
}

/**
 * A client that follows all messages by token, at whichever node it comes to: it must get each once, whatever arrives late,
 * and see at once what it has published itself.
 */
export class Reader {
  readonly name: string;
  /** Where it goes on: what `since` answered last. */
  #place: Vector = new Map();
  /** What its publishes were answered: a node that does not cover this is not read. */
  #required: Vector = new Map();
  /** Ids that it has seen. */
  readonly #seen = new Set<string>();
  /** Names of messages that it has seen: where an idempotency key was taken twice, one of several ids. */
  readonly #names = new Set<string>();
  readonly #own: OwnMessage[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** A publish of its own was acknowledged. */
  published(messages: readonly OwnMessage[], token: Vector): void {
    this.#own.push(...messages);
    this.#required = merged(this.#required, token);
  }

  /**
   * Reads on at a node until nothing is left; false when the node cannot tell yet what this reader is to see. `mayMiss` tells
   * of a message that it may have gone where the reader was before.
   */
  follow(views: Views, where: string, mayMiss: (message: OwnMessage) => boolean): boolean {
    if (!covers(views.vector(), this.#required)) return false;
    for (let page = 0; page < maxPages; page++) {
      const { items, vector, more } = views.since(this.#place, new Set(), pageSize);
      for (const item of items) this.#see(item, where);
      if (!covers(vector, this.#place)) throw new SafetyViolation('C8', `${where} took ${this.name} back`);
      this.#place = vector;
      if (!more) break;
    }
    const missed = this.#own.find(
      (message) => views.message(message.id) !== undefined && !this.#names.has(message.name) && !mayMiss(message),
    );
    if (missed !== undefined) {
      throw new SafetyViolation('C8', `${where} kept ${missed.name} from ${this.name}, who wrote it`);
    }
    return true;
  }

  /** Stops waiting for what went with the disks that held it. `left` tells how many entries of an origin there are. */
  giveUp(left: (origin: string) => number): void {
    this.#required = new Map(Array.from(this.#required, ([origin, size]) => [origin, Math.min(size, left(origin))]));
  }

  /** Whether it saw a message, by name. */
  saw(name: string): boolean {
    return this.#names.has(name);
  }

  #see(item: StoredEntry, where: string): void {
    const { id, entry } = item;
    const { origin, seq } = entry;
    if (this.#seen.has(id)) throw new SafetyViolation('C8', `${where} showed ${origin}:${seq} to ${this.name} again`);
    const reached = this.#place.get(origin) ?? 0;
    if (seq < reached) {
      throw new SafetyViolation('C8', `${where} showed ${origin}:${seq} to ${this.name}, who was at ${reached}`);
    }
    this.#seen.add(id);
    this.#names.add(shownMessage(item).name);
  }
}

function merged(a: Vector, b: Vector): Vector {
  const sizes = new Map(a);
  for (const [origin, size] of b) sizes.set(origin, Math.max(size, sizes.get(origin) ?? 0));
  return sizes;
}
