import { toGrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** A damaged page can make thousands of entries unreadable: that many lines tell no more than the first hundred. */
const maxListed = 100;

/** What a check found wrong, in words. */
export class Problems {
  readonly #listed: string[] = [];
  #more = 0;

  add(problem: string): void {
    if (this.#listed.length < maxListed) this.#listed.push(problem);
    else this.#more += 1;
  }

  /** Runs one part of the check. Whatever it throws is a problem, and the next part goes on: damage must not hide damage. */
  attempt(what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      this.addError(what, error);
    }
  }

  addError(what: string, error: unknown): void {
    const { code, message, cause } = toGrapevineError(error);
    this.add(`${what}: ${code === 'INTERNAL' ? String(cause) : message}`);
  }

  list(): string[] {
    return this.#more === 0 ? this.#listed : [...this.#listed, `… and ${this.#more} more.`];
  }
}
