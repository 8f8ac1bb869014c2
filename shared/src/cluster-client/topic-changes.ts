import type { Readable } from 'node:stream';
import { covers, decodeToken, type Vector } from '../contracts/consistency-token.ts';
import { type ChangesEvent, changesEventSchema } from '../contracts/node-api.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import type { Stoppable } from '../lifecycle.ts';
import type { Caller } from './caller.ts';
import type { ClusterCalls } from './cluster-calls.ts';
import { parseEventStream } from './event-stream.ts';
import { openSomewhere } from './message-stream.ts';
import { pause } from './pause.ts';

/** Topics whose digests are known, about 200 bytes each. Beyond it all are forgotten, and what was kept of them with them. */
const maxTopics = 20_000;
/** Pause before the next attempt when no node could be opened or one ended at once, in milliseconds. */
const retryMs = 250;

/** What somebody kept of a topic: from which state of the topic, and of the node that answered. */
export interface TopicState {
  readonly topic: string;
  readonly digest: string;
  /** Covers everything that the answer was built from. */
  readonly vector: Vector;
}

/**
 * Follows one node's changes, so that answers about a topic can be kept for exactly as long as the topic stands. Nothing
 * stands while no node is followed. After a change of node, what stands is decided by the new node's present.
 */
export class TopicChanges implements Stoppable {
  readonly name = 'topic changes';
  readonly #calls: ClusterCalls;
  readonly #caller: Caller;
  readonly #ended = new AbortController();
  readonly #watches = new Set<TopicWatch>();
  readonly #running: Promise<void>;
  /** Digests of the topics that have changed since `#floor`. */
  readonly #digests = new Map<string, string>();
  /** What the followed node held when topics that have not changed were last as they are; undefined while none is followed. */
  #floor: Vector | undefined;
  #token = '';

  constructor(calls: ClusterCalls) {
    this.#calls = calls;
    const { subject } = calls.self.identity;
    this.#caller = { identity: { subject, scopes: ['messages:read'] }, signal: this.#ended.signal };
    this.#running = this.#follow();
  }

  /** Whether it has been stopped: nobody should wait for anything any more. */
  get stopped(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Whether a node is being followed right now. */
  get live(): boolean {
    return this.#floor !== undefined;
  }

  /** Covers all changes that have been seen; undefined while no node is followed. */
  get token(): string | undefined {
    return this.live ? this.#token : undefined;
  }

  /** Whether the topic is still as it was: as the followed node has it, as far as that has told. */
  stands({ topic, digest, vector }: TopicState): boolean {
    if (this.#floor === undefined) return false;
    const latest = this.#digests.get(topic);
    // A topic that has not changed is as it was at the floor, or the answer knew more than that.
    return latest === undefined ? covers(vector, this.#floor) : latest === digest;
  }

  /** Starts to note changes of `topics`, empty meaning all; the caller closes it. */
  watch(topics: ReadonlySet<string>): TopicWatch {
    const watch = new TopicWatch(topics, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        const body = await openSomewhere(this.#calls, this.#caller, '/v1/changes', signal);
        await this.#read(body);
      } catch (error) {
        if (!(error instanceof GrapevineError) && !signal.aborted) throw error;
      }
      this.#floor = undefined;
      // Whoever waits has to look for itself from now on.
      for (const watch of this.#watches) watch.note();
      await pause(retryMs, signal);
    }
  }

  async #read(body: Readable): Promise<void> {
    try {
      for await (const { event, data } of parseEventStream(body)) {
        if (event === 'changes') this.#take(changesEventSchema.parse(JSON.parse(data)));
      }
    } catch {
      // A broken connection and an event that is none of ours mean the same: another node has to be followed.
    } finally {
      body.destroy();
    }
  }

  #take({ token, topics }: ChangesEvent): void {
    this.#token = token;
    if (this.#floor === undefined || this.#digests.size + topics.length > maxTopics) {
      this.#digests.clear();
      this.#floor = decodeToken(token);
    } else {
      for (const { name, digest } of topics) this.#digests.set(name, digest);
    }
    const names = topics.map(({ name }) => name);
    for (const watch of this.#watches) watch.note(names);
  }
}

/** Notes whether anything has changed since it was made or last waited for. */
export class TopicWatch implements Disposable {
  readonly #topics: ReadonlySet<string>;
  readonly #onClose: () => void;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(topics: ReadonlySet<string>, onClose: () => void) {
    this.#topics = topics;
    this.#onClose = onClose;
  }

  /** Resolves at the next change, at once if there was one already, or after `timeoutMs`, or when `signal` is aborted. */
  async changed(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const waited = new AbortController();
    this.#wake = () => waited.abort();
    if (!this.#changed) {
      await pause(timeoutMs, signal === undefined ? waited.signal : AbortSignal.any([signal, waited.signal]));
    }
    this.#wake = undefined;
    this.#changed = false;
  }

  /** Something changed: these topics, or perhaps any when absent. */
  note(topics?: readonly string[]): void {
    const concerns =
      topics === undefined ||
      (this.#topics.size === 0 ? topics.length > 0 : topics.some((name) => this.#topics.has(name)));
    if (!concerns) return;
    this.#changed = true;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.#onClose();
  }
}
