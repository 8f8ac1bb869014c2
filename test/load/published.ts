/** Messages remembered, so that a run of days fits into memory: about 100 bytes each. */
const maxRemembered = 500_000;

/**
 * What the cluster said it keeps: after the run it must be there, once. Messages are known by their idempotency keys and not by
 * their ids: when a publish was tried again at another node because the first one died, both may have taken it, and then all
 * nodes show one of the two.
 */
export class Published {
  readonly #keysByTopic = new Map<string, Set<string>>();
  #count = 0;
  /** Acknowledged, but not remembered: beyond the bound. */
  unwatched = 0;

  acknowledge(topic: string, idempotencyKey: string): void {
    if (this.#count === maxRemembered) {
      this.unwatched++;
      return;
    }
    const keys = this.#keysByTopic.get(topic) ?? new Set();
    this.#keysByTopic.set(topic, keys);
    if (keys.size !== keys.add(idempotencyKey).size) this.#count++;
  }

  get count(): number {
    return this.#count;
  }

  topics(): Iterable<readonly [topic: string, idempotencyKeys: ReadonlySet<string>]> {
    return this.#keysByTopic;
  }
}

/** A body that begins with its message's idempotency key, and is `length` characters long or a little more. */
export function bodyOf(idempotencyKey: string, length = 0): string {
  return `${idempotencyKey} `.padEnd(length, 'grapes ');
}

/** The key that a body begins with. */
export function keyIn(body: string): string {
  return body.slice(0, body.indexOf(' '));
}
