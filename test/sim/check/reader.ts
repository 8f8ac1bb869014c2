import type { StoredEntry, Views } from '@grapevine/cluster-node/views/views.ts';
import { covers, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import { SafetyViolation } from './violation.ts';

/** Small, so that a reader stops in the middle of segments. */
const pageSize = 7;
/** Far more pages than any run has. */
const maxPages = 10_000;

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
  /** Ids that it has seen, with their origins and places. */
  readonly #seen = new Map<string, { readonly origin: string; readonly seq: number }>();
  readonly #own: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** A publish of its own was acknowledged. */
  published(ids: readonly string[], token: Vector): void {
    this.#own.push(...ids);
    this.#required = merged(this.#required, token);
  }

  /** Reads on at a node until nothing is left; false when the node cannot tell yet what this reader is to see. */
  follow(views: Views, where: string): boolean {
    if (!covers(views.vector(), this.#required)) return false;
    for (let page = 0; page < maxPages; page++) {
      const { items, vector, more } = views.since(this.#place, new Set(), pageSize);
      for (const item of items) this.#see(item, where);
      if (!covers(vector, this.#place)) throw new SafetyViolation('C8', `${where} took ${this.name} back`);
      this.#place = vector;
      if (!more) break;
    }
    const missed = this.#own.find((id) => views.message(id) !== undefined && !this.#seen.has(id));
    if (missed !== undefined)
      throw new SafetyViolation('C8', `${where} kept ${missed} from ${this.name}, who wrote it`);
    return true;
  }

  /** Stops waiting for what went with the disks that held it. `left` tells how many entries of an origin there are. */
  giveUp(left: (origin: string) => number): void {
    this.#required = new Map(Array.from(this.#required, ([origin, size]) => [origin, Math.min(size, left(origin))]));
  }

  /** Whether it saw message `id`. */
  saw(id: string): boolean {
    return this.#seen.has(id);
  }

  #see({ id, entry: { origin, seq } }: StoredEntry, where: string): void {
    if (this.#seen.has(id)) throw new SafetyViolation('C8', `${where} showed ${origin}:${seq} to ${this.name} again`);
    const reached = this.#place.get(origin) ?? 0;
    if (seq < reached) {
      throw new SafetyViolation('C8', `${where} showed ${origin}:${seq} to ${this.name}, who was at ${reached}`);
    }
    this.#seen.set(id, { origin, seq });
  }
}

function merged(a: Vector, b: Vector): Vector {
  const sizes = new Map(a);
  for (const [origin, size] of b) sizes.set(origin, Math.max(size, sizes.get(origin) ?? 0));
  return sizes;
}
