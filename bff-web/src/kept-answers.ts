import type { TopicState } from '@grapevine/shared/cluster-client/topic-changes.ts';
import { covers, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import type { PageSource } from './graph-context.ts';

/** An answer that may be given again. */
export interface KeptAnswer {
  readonly body: Buffer;
  /** What it was built from, and the same as it is compared. */
  readonly sources: readonly PageSource[];
  readonly states: readonly TopicState[];
}

/** Whether a topic is still as it was. */
export interface Standing {
  stands(state: TopicState): boolean;
}

/** All answers together, in bytes. Enough for the pages that thousands of users look at; raising it keeps older ones. */
const maxBytes = 32 * 1024 * 1024;
/** One answer: a page of 100 large messages is not worth a hundred small pages. */
const maxAnswerBytes = 256 * 1024;
/** What an answer takes besides its body and key, roughly. */
const overheadBytes = 1_000;

/**
 * Answers by what was asked, each for as long as the topics stand that it was built from; those that nobody asked for the
 * longest go first.
 */
export class KeptAnswers {
  readonly #standing: Standing;
  /** The last used comes last. */
  readonly #answers = new Map<string, KeptAnswer>();
  #bytes = 0;

  constructor(standing: Standing) {
    this.#standing = standing;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The answer, if it stands and covers `atLeast`. */
  get(key: string, atLeast: Vector | undefined): KeptAnswer | undefined {
    const kept = this.#answers.get(key);
    if (kept === undefined || !kept.states.every((state) => this.#standing.stands(state))) return undefined;
    if (atLeast !== undefined && !kept.states.every(({ vector }) => covers(vector, atLeast))) return undefined;
    this.#answers.delete(key);
    this.#answers.set(key, kept);
    return kept;
  }

  keep(key: string, answer: KeptAnswer): void {
    this.#drop(key);
    const bytes = weigh(key, answer);
    if (bytes > maxAnswerBytes) return;
    this.#answers.set(key, answer);
    this.#bytes += bytes;
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= maxBytes) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const before = this.#answers.get(key);
    if (before === undefined) return;
    this.#answers.delete(key);
    this.#bytes -= weigh(key, before);
  }
}

function weigh(key: string, { body }: KeptAnswer): number {
  // Text takes up to two bytes a character.
  return 2 * key.length + body.length + overheadBytes;
}
