import type { StoredAnswer } from './stored-answer.ts';
import { type HeaderReader, type Selection, selects } from './vary.ts';

/** What became of a flight, for those who wait for it: an answer, or that each must ask for itself. */
export type Outcome = StoredAnswer | 'unshared' | 'failed';

/** One request on its way to an upstream, for whoever asks the same meanwhile. */
export class Flight {
  readonly uri: string;
  readonly route: string;
  readonly selection: Selection;
  /** Its place in the order in which requests came and flights began. */
  readonly order: number;
  /** Whether its address has changed since: what it brings was true when it was asked for, and is not kept. */
  overtaken = false;
  readonly outcome: Promise<Outcome>;
  readonly #patienceMs: number;
  #settle: (outcome: Outcome) => void = () => {};
  #patience: Promise<'late'> | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #waiting = 0;
  /** Called when nobody waits any more. */
  onDeserted: () => void = () => {};

  constructor(parts: {
    readonly uri: string;
    readonly route: string;
    readonly selection: Selection;
    readonly order: number;
    /** Longest that somebody waits for it. */
    readonly patienceMs: number;
  }) {
    this.uri = parts.uri;
    this.route = parts.route;
    this.selection = parts.selection;
    this.order = parts.order;
    this.#patienceMs = parts.patienceMs;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** How many wait for what it brings. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Somebody waits for it, until the function that is returned is called. */
  join(): () => void {
    let here = true;
    this.#waiting++;
    return () => {
      if (!here) return;
      here = false;
      this.#waiting--;
      if (this.#waiting === 0) this.onDeserted();
    };
  }

  /** What it brought; `late` when it takes longer than others should have to wait. */
  wait(): Promise<Outcome | 'late'> {
    // One timer for all who follow: the first of them has waited longest.
    this.#patience ??= new Promise((resolve) => {
      this.#timer = setTimeout(() => resolve('late'), this.#patienceMs);
    });
    return Promise.race([this.outcome, this.#patience]);
  }

  settle(outcome: Outcome): void {
    clearTimeout(this.#timer);
    this.#settle(outcome);
  }
}

/** The flights under way, by address. */
export class Flights {
  readonly #byUri = new Map<string, Flight[]>();

  find(uri: string, route: string, read: HeaderReader): Flight | undefined {
    return this.#byUri.get(uri)?.find((flight) => flight.route === route && selects(flight.selection, read));
  }

  add(flight: Flight): void {
    const others = this.#byUri.get(flight.uri);
    if (others === undefined) this.#byUri.set(flight.uri, [flight]);
    else others.push(flight);
  }

  /** Nobody joins it any more. */
  delete(flight: Flight): void {
    const left = (this.#byUri.get(flight.uri) ?? []).filter((one) => one !== flight);
    if (left.length === 0) this.#byUri.delete(flight.uri);
    else this.#byUri.set(flight.uri, left);
  }

  /** Something has changed at the addresses that `matches`: what is under way there is not kept, and nobody joins it. */
  overtake(matches: (uri: string) => boolean): void {
    for (const [uri, flights] of this.#byUri) if (matches(uri)) this.overtakeAt(uri, flights);
  }

  overtakeAt(uri: string, flights = this.#byUri.get(uri) ?? []): void {
    for (const flight of flights) flight.overtaken = true;
    this.#byUri.delete(uri);
  }
}
