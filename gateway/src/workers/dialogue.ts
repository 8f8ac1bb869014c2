import { z } from 'zod';

/** What two processes of the gateway send each other over Node's IPC. */
export interface Channel {
  send(message: object): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** Questions that wait for an answer; far above what one worker asks at once, so that a lost peer cannot fill the memory. */
const maxWaiting = 50_000;

const messageSchema = z.discriminatedUnion('dialogue', [
  z.object({ dialogue: z.literal('ask'), id: z.int(), question: z.unknown() }),
  z.object({ dialogue: z.literal('tell'), id: z.int(), answer: z.unknown() }),
  z.object({ dialogue: z.literal('fail'), id: z.int(), reason: z.string() }),
]);

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Questions and answers in both directions over one channel; other messages on it are left alone. */
export class Dialogue {
  readonly #channel: Channel;
  readonly #answer: (question: unknown) => Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #over = false;

  /** `answer` is asked by the other side; what it rejects with is told there. */
  constructor(channel: Channel, answer: (question: unknown) => Promise<unknown>) {
    this.#channel = channel;
    this.#answer = answer;
    channel.onMessage((message) => this.#take(message));
  }

  /** Rejects when the other side fails or is gone. */
  ask(question: object): Promise<unknown> {
    if (this.#over || this.#waiting.size >= maxWaiting) return Promise.reject(new Error('nobody answers'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#channel.send({ dialogue: 'ask', id, question });
    });
  }

  /** The other side is gone. */
  end(): void {
    this.#over = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('the other process is gone'));
    this.#waiting.clear();
  }

  #take(message: unknown): void {
    const parsed = messageSchema.safeParse(message);
    if (!parsed.success) return;
    const { data } = parsed;
    if (data.dialogue === 'ask') {
      void this.#reply(data.id, data.question);
      return;
    }
    const waiting = this.#waiting.get(data.id);
    this.#waiting.delete(data.id);
    if (data.dialogue === 'tell') waiting?.resolve(data.answer);
    else waiting?.reject(new Error(data.reason));
  }

  async #reply(id: number, question: unknown): Promise<void> {
    try {
      const answer = await this.#answer(question);
      if (!this.#over) this.#channel.send({ dialogue: 'tell', id, answer });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#over) this.#channel.send({ dialogue: 'fail', id, reason });
    }
  }
}
