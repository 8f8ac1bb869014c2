/** A node whose peers do not all answer for so long writes on what it has heard, in milliseconds: some may be gone for good. */
const patienceMs = 2_000;
/** A node that wakes up and hears nobody at all gives them longer: they may refuse it because of a copy that was started meanwhile. */
const wakingPatienceMs = 10_000;
/** An unanswered question is asked again after so long, in milliseconds. */
const retryMs = 200;
/** Questions on their way at once: the answers of more would only wait in the receive buffer. */
const maxQuestions = 16;

interface Question {
  readonly requestId: number;
  readonly askedAtMs: number;
}

/**
 * Keeps a node from writing before it knows that its own log is complete. A disk that was put back from a backup lacks the
 * newest entries; writing now would use their sequence numbers again, and the log would fork. So peers are asked first, and
 * only answers to these questions count: what else arrives may have waited in a buffer, or with somebody who recorded it.
 */
export class AmnesiaGuard {
  readonly #questions = new Map<string, Question>();
  readonly #heard = new Set<string>();
  #claimed = 0;
  /** Whether this is about a copy that may have been started, and not about what the disk may lack. */
  #isWaking = false;
  #deadlineMs: number | undefined;
  #isTimeUp = false;
  #isOpen: boolean;
  #hasOpened: boolean;

  /** `hasPeers`: whether there is anybody to ask. */
  constructor(hasPeers: boolean) {
    this.#isOpen = !hasPeers;
    this.#hasOpened = this.#isOpen;
  }

  /** Whether the node may write. Once true it stays true until `close`: nobody else writes this log. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether it was ever open. */
  get hasOpened(): boolean {
    return this.#hasOpened;
  }

  /**
   * This process was stopped for a while, and a copy of it may have been started meanwhile. Peers are asked again before
   * anything is written. They answer only if they have not heard of a copy, so that half of them are enough.
   */
  close(): void {
    this.#questions.clear();
    this.#heard.clear();
    this.#claimed = 0;
    this.#isWaking = true;
    this.#deadlineMs = undefined;
    this.#isTimeUp = false;
    this.#isOpen = false;
  }

  /** When it wants to be looked at again; after its time is up, only an answer or a commit can change anything. */
  get deadlineMs(): number {
    return this.#isOpen || this.#isTimeUp ? Number.POSITIVE_INFINITY : (this.#deadlineMs ?? Number.NEGATIVE_INFINITY);
  }

  /**
   * Whether a look at everybody who can be reached is worth it now: as long as many questions are under way, it is not. In a
   * cluster of a thousand a node would else look at a thousand members for each of a thousand answers.
   */
  isDue(nowMs: number): boolean {
    return !this.#isOpen && (this.#underWay(nowMs) <= maxQuestions / 2 || nowMs >= (this.#deadlineMs ?? nowMs));
  }

  /** Those of `reachable` that should be asked now how much of this node's log they hold. */
  due(reachable: readonly string[], nowMs: number): string[] {
    if (this.#isOpen) return [];
    const open = reachable.filter((peer) => {
      const question = this.#questions.get(peer);
      return !this.#heard.has(peer) && (question === undefined || !isUnderWay(question, nowMs));
    });
    return open.slice(0, Math.max(0, maxQuestions - this.#underWay(nowMs)));
  }

  asked(peer: string, requestId: number, nowMs: number): void {
    this.#questions.set(peer, { requestId, askedAtMs: nowMs });
  }

  /** `peer` answers the request with this id; it holds the first `size` entries of this node's own log. */
  answered(peer: string, requestId: number, size: number): void {
    if (this.#isOpen || this.#questions.get(peer)?.requestId !== requestId) return;
    this.claim(size);
    this.#questions.delete(peer);
    this.#heard.add(peer);
  }

  /** Somebody says, asked or not, that it holds the first `size` entries of this node's own log. */
  claim(size: number): void {
    this.#claimed = Math.max(this.#claimed, size);
  }

  /** Looks again: open once those of `reachable` who matter have answered, or time is up, and nobody holds more than `ownSize`. */
  review(ownSize: number, reachable: readonly string[], nowMs: number): void {
    if (this.#isOpen) return;
    this.#deadlineMs ??= nowMs + (this.#isWaking ? wakingPatienceMs : patienceMs);
    this.#isTimeUp ||= nowMs >= this.#deadlineMs;
    const heard = reachable.filter((peer) => this.#heard.has(peer)).length;
    const allHeard = heard > 0 && heard >= (this.#isWaking ? reachable.length / 2 : reachable.length);
    this.#isOpen = ownSize >= this.#claimed && (allHeard || this.#isTimeUp);
    this.#hasOpened ||= this.#isOpen;
  }

  #underWay(nowMs: number): number {
    let count = 0;
    for (const question of this.#questions.values()) if (isUnderWay(question, nowMs)) count++;
    return count;
  }
}

function isUnderWay({ askedAtMs }: Question, nowMs: number): boolean {
  return nowMs - askedAtMs < retryMs;
}
