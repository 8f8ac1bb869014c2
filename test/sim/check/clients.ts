import type { PublishOutcome } from '@grapevine/cluster-node/node-service.ts';
import { DataDamage } from '@grapevine/cluster-node/store/damage.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { StoredEntry, Views } from '@grapevine/cluster-node/views/views.ts';
import { decodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { encodeEntry } from '@grapevine/shared/log/entry.ts';
import type { Settings } from '../plan/plan.ts';
import { isErased } from '../retention.ts';
import type { SimNode } from '../sim-node.ts';
import type { SimProcess } from '../sim-process.ts';
import { type OwnMessage, Reader } from './reader.ts';
import { SetFull, type SetFullCounts, type ShownMessage, shownMessage } from './set-full.ts';
import type { SituationCounts } from './situations.ts';
import { SafetyViolation } from './violation.ts';

export interface PublishWish {
  readonly count: number;
  readonly bodyBytes: number;
  readonly acks: number;
  readonly timeoutMs: number;
  /** Which of the readers publishes, and wants to see it from then on. */
  readonly reader?: number;
  /** Publishes with the same key are the same messages. */
  readonly key?: string;
}

/** What clients need of the world. */
export interface ClientSurroundings {
  readonly settings: Settings;
  readonly nodes: readonly SimNode[];
  readonly situations: SituationCounts;
  nowMs(): number;
  schedule(delayMs: number, run: () => void): void;
  /** Entries of `origin` that were on some disk at any time. */
  sizeLeft(origin: string): number;
  /** Breaks off unless so many nodes have had the first `size` entries of `origin` on their disks. */
  requireHeld(origin: string, size: number, heldBy: number): void;
}

export const readers = 3;
const topics = 5;
const pageSize = 50;
const author = 'simulator';

/** The clients of the cluster: what they publish, what they are told, and what they see. */
export class Clients {
  readonly counts = { published: 0, answered: 0, refused: 0, reads: 0 };
  readonly #world: ClientSurroundings;
  readonly #set = new SetFull();
  readonly #readers = Array.from({ length: readers }, (_, index) => new Reader(`reader ${index + 1}`));
  /** Publishes that wait for an answer, by the process that took them. */
  readonly #open = new Map<SimProcess, number>();
  /** Where messages with idempotency keys were accepted as new, by name. */
  readonly #accepted = new Map<string, string>();
  /** What each node's process has shown so far, by name. */
  readonly #shown = new WeakMap<Views, Set<string>>();
  #next = 0;

  constructor(world: ClientSurroundings) {
    this.#world = world;
  }

  /** Publishes at node `index`, if it runs. Every message says in its body which one it is. */
  publish(index: number, { count, bodyBytes, acks, timeoutMs, reader, key }: PublishWish): void {
    const process = this.#world.nodes[index]?.process;
    if (process === undefined) return;
    const names = Array.from({ length: count }, (_, i) => (key === undefined ? `${this.#next++}` : `${key}-${i}`));
    const messages = names.map((name) => ({
      topic: topicOf(name),
      body: name.padEnd(Math.max(name.length, bodyBytes), '.'),
      contentType: 'text/plain',
      headers: {},
      ...(key === undefined ? {} : { idempotencyKey: name }),
    }));
    for (const name of names) this.#set.invoked(name);
    this.counts.published += count;
    const ended = this.#opened(process);
    const sinceMs = this.#world.nowMs();
    process.publish(author, { messages, acks, timeoutMs }).then(
      (outcome) =>
        this.#world.schedule(0, () => {
          ended();
          this.#answered(names, outcome, sinceMs, this.#readers[reader ?? readers]);
        }),
      (error: unknown) =>
        this.#world.schedule(0, () => {
          ended();
          this.#refused(error);
        }),
    );
  }

  /** Publishes that the process of `node` took and has not answered. */
  waitingAt({ process }: SimNode): number {
    return (process && this.#open.get(process)) ?? 0;
  }

  /** Reads everything at node `index`, if it runs. */
  read(index: number): void {
    const node = this.#world.nodes[index];
    const views = node?.running === true ? node.disk.views : undefined;
    if (node !== undefined && views !== undefined) this.#unlessDamaged(() => this.#read(node, views));
  }

  /** A reader goes on at node `index`, if it runs. */
  follow(reader: number, index: number): void {
    const node = this.#world.nodes[index];
    const views = node?.running === true ? node.disk.views : undefined;
    const following = this.#readers[reader];
    if (node === undefined || views === undefined || following === undefined) return;
    this.counts.reads++;
    this.#unlessDamaged(() => {
      if (!following.follow(views, node.name, (message) => this.#mayMiss(message)))
        this.#world.situations.reached('not yet');
    });
  }

  /** Once all nodes agree: everybody reads everywhere, and must see what there is. */
  checkEnd(): SetFullCounts {
    const sizeLeft = (origin: string): number => this.#world.sizeLeft(origin);
    const isGone = ({ origin, seq }: Pick<ShownMessage, 'origin' | 'seq'>): boolean => seq >= sizeLeft(origin);
    const visible: StoredEntry[] = [];
    for (const reader of this.#readers) reader.giveUp(sizeLeft);
    for (const node of this.#world.nodes) {
      const { views } = node.disk;
      if (views === undefined) continue;
      const shown = this.#read(node, views);
      if (node.index === 0) visible.push(...shown);
      this.#readers.forEach((_, reader) => {
        this.follow(reader, node.index);
      });
    }
    for (const reader of this.#readers) {
      const missing = visible.find((shown) => !reader.saw(shownMessage(shown).name) && !isGone(shown.entry));
      if (missing !== undefined) {
        const { origin, seq } = missing.entry;
        throw new SafetyViolation('C8', `${reader.name} never saw ${origin}:${seq}`);
      }
    }
    return this.#set.check((name, place) => isGone(place) || this.#mayBeErased(name));
  }

  /** Names of nodes whose processes took publishes and have not answered them. */
  unanswered(): string[] {
    return this.#world.nodes.filter((node) => this.waitingAt(node) > 0).map(({ name }) => name);
  }

  #opened(process: SimProcess): () => void {
    this.#open.set(process, (this.#open.get(process) ?? 0) + 1);
    return () => this.#open.set(process, (this.#open.get(process) ?? 0) - 1);
  }

  /** A read that meets damage is refused as a whole. */
  #unlessDamaged(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof DataDamage)) throw error;
      this.#world.situations.reached('read met damage');
    }
  }

  #read(node: SimNode, views: Views): StoredEntry[] {
    this.counts.reads++;
    const entries = readAll(views);
    for (const { id, entry } of entries) {
      if (toHex(fastTreeHash.leaf(encodeEntry(entry))) === id) continue;
      throw new SafetyViolation('C7', `${node.name} showed ${entry.origin}:${entry.seq} as what it is not`);
    }
    const messages = entries.map(shownMessage);
    this.#set.read(messages, this.#world.nowMs(), node.name);
    this.#requireShownBefore(node, views, new Set(messages.map(({ name }) => name)));
    return entries;
  }

  /** What a process has shown once it shows for good: it is flushed. */
  #requireShownBefore(node: SimNode, views: Views, now: Set<string>): void {
    const gone = this.#shown.get(views)?.difference(now) ?? new Set<string>();
    const missing = [...gone].find((name) => !this.#mayBeErased(name));
    if (missing !== undefined) {
      throw new SafetyViolation('C7', `${node.name} does not show message ${missing} any more`);
    }
    this.#shown.set(views, now);
  }

  #answered(names: readonly string[], { results, token }: PublishOutcome, sinceMs: number, reader?: Reader): void {
    this.counts.answered += results.length;
    results.forEach(({ origin, seq, duplicate, heldBy }, i) => {
      const name = names[i];
      this.#world.requireHeld(origin, seq + 1, heldBy);
      if (duplicate) this.#world.situations.reached('publish repeated');
      else if (name !== undefined) this.#acceptedAt(name, origin);
      if (name !== undefined) this.#set.acknowledged({ name, origin, seq }, this.#world.nowMs());
    });
    reader?.published(
      results.map(({ id, origin, seq, duplicate }, i) => {
        // Of one that was there before, nobody knows here when it was published.
        return { id, name: names[i] ?? '', origin, seq, sinceMs: duplicate ? 0 : sinceMs };
      }),
      decodeToken(token),
    );
  }

  /**
   * Whether some node may have erased the message by now, or its place went with all disks that held it, so that a reader may
   * have passed it elsewhere.
   */
  #mayMiss({ name, origin, seq, sinceMs }: OwnMessage): boolean {
    const ageMs = this.#world.nowMs() - sinceMs;
    const isOld = ageMs >= this.#world.settings.eraseAfterSeconds * 1_000;
    return (isOld && this.#mayBeErased(name)) || seq >= this.#world.sizeLeft(origin);
  }

  #mayBeErased(name: string): boolean {
    return isErased(this.#world.settings, topicOf(name));
  }

  #acceptedAt(name: string, origin: string): void {
    if ((this.#accepted.get(name) ?? origin) !== origin) this.#world.situations.reached('one key at two nodes');
    this.#accepted.set(name, origin);
  }

  #refused(error: unknown): void {
    if (!(error instanceof GrapevineError)) throw error;
    this.counts.refused++;
  }
}

/** Always the same for one message, however often it is published. */
function topicOf(name: string): string {
  return `topic-${(name.charCodeAt(name.length - 1) + name.length) % topics}`;
}

function readAll(views: Views): StoredEntry[] {
  const entries: StoredEntry[] = [];
  for (let after = views.since(new Map(), new Set(), pageSize); ; ) {
    entries.push(...after.items);
    if (!after.more) return entries;
    after = views.since(after.vector, new Set(), pageSize);
  }
}
