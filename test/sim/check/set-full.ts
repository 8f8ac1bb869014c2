import type { StoredEntry } from '@grapevine/cluster-node/views/views.ts';
import { SafetyViolation } from './violation.ts';

const decoder = new TextDecoder();

/** A message as a read shows it. */
export interface ShownMessage {
  readonly name: string;
  readonly origin: string;
  readonly seq: number;
}

/** One message over time. */
interface Element {
  /** Where it was seen last. */
  place: Pick<ShownMessage, 'origin' | 'seq'>;
  /** When it was acknowledged, or seen first if that was earlier. */
  knownMs: number;
  lastPresentMs: number;
  lastAbsentMs: number;
}

/** How all elements fared: each in one of the first four, milliseconds for the slowest. */
export interface SetFullCounts {
  /** Seen by every read from some time on. */
  readonly stable: number;
  /** Of those, missing in a read after they were acknowledged: at a node that was behind. */
  readonly stale: number;
  readonly lost: number;
  /** Acknowledged, and no read came after it. */
  readonly neverRead: number;
  /** Longest time from the acknowledgement to the last read that did not show it. */
  readonly stalestMs: number;
}

/**
 * Jepsen's set-full: clients add elements, others read the whole set now and then, at any node. An element may take its time
 * to show everywhere; once acknowledged it must not be gone for good, no read may show it twice, or show what nobody added.
 */
export class SetFull {
  readonly #elements = new Map<string, Element>();
  readonly #added = new Set<string>();

  /** A client starts to add it. */
  invoked(name: string): void {
    this.#added.add(name);
  }

  acknowledged(message: ShownMessage, nowMs: number): void {
    this.#known(message, nowMs);
  }

  /** A read of the whole set. `where` names the node. */
  read(messages: readonly ShownMessage[], nowMs: number, where: string): void {
    const present = new Set<string>();
    for (const message of messages) {
      const { name } = message;
      if (!this.#added.has(name)) throw new SafetyViolation('C7', `${where} showed message ${name}, which nobody sent`);
      if (present.has(name)) throw new SafetyViolation('C7', `${where} showed message ${name} twice`);
      present.add(name);
      this.#known(message, nowMs);
    }
    for (const [name, element] of this.#elements) {
      if (present.has(name)) element.lastPresentMs = nowMs;
      else element.lastAbsentMs = nowMs;
    }
  }

  /** After the last reads. `isGone` tells which elements went with the disks that held them, or were erased. */
  check(isGone: (name: string, place: Pick<ShownMessage, 'origin' | 'seq'>) => boolean): SetFullCounts {
    let [stable, stale, lost, neverRead, stalestMs] = [0, 0, 0, 0, 0];
    for (const [name, { place, knownMs, lastPresentMs, lastAbsentMs }] of this.#elements) {
      if (lastPresentMs < 0 && lastAbsentMs < knownMs) {
        neverRead++;
      } else if (lastPresentMs > lastAbsentMs) {
        stable++;
        if (lastAbsentMs > knownMs) stale++;
        stalestMs = Math.max(stalestMs, lastAbsentMs - knownMs);
      } else if (isGone(name, place)) {
        lost++;
      } else {
        throw new SafetyViolation('C5', `message ${name}, known since ${knownMs} ms, is gone since ${lastAbsentMs} ms`);
      }
    }
    return { stable, stale, lost, neverRead, stalestMs };
  }

  #known({ name, origin, seq }: ShownMessage, nowMs: number): void {
    const place = { origin, seq };
    const element = this.#elements.get(name);
    if (element === undefined) {
      this.#elements.set(name, { place, knownMs: nowMs, lastPresentMs: -1, lastAbsentMs: -1 });
    } else {
      element.place = place;
    }
  }
}

/** A client's bodies begin with the name of the message. */
export function shownMessage({ entry: { origin, seq, body } }: StoredEntry): ShownMessage {
  return { name: decoder.decode(body).replace(/\.*$/, ''), origin, seq };
}
