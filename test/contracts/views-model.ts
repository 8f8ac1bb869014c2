import assert from 'node:assert/strict';
import type { CheckedSegment } from '@grapevine/cluster-node/store/log-store.ts';
import type { MessageFilter } from '@grapevine/cluster-node/views/message-filter.ts';
import type { Page, StoredEntry, Views } from '@grapevine/cluster-node/views/views.ts';
import type { TopicPosition } from '@grapevine/shared/contracts/cursor.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { hlcMs, hlcToHex } from '@grapevine/shared/log/hlc.ts';

interface ModelMessage {
  readonly id: string;
  readonly entry: Entry;
}

/** The views as their definitions say, computed from all entries at once. */
export class ViewsModel {
  readonly #segments: readonly CheckedSegment[];
  /** Those with a body. */
  readonly #all: readonly ModelMessage[];
  /** In topic order, over all topics. */
  readonly #visible: readonly ModelMessage[];

  constructor(segments: readonly CheckedSegment[]) {
    this.#segments = segments;
    this.#all = segments.flatMap(({ entries, leafHashes }) =>
      entries.flatMap((entry, i) =>
        entry === undefined ? [] : { id: toHex(leafHashes.subarray(i * 32, (i + 1) * 32)), entry },
      ),
    );
    const sorted = [...this.#all].sort((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1));
    const owned = new Set<string>();
    this.#visible = sorted.filter(({ entry }) => {
      if (entry.idempotencyKey === undefined) return true;
      const owner = JSON.stringify([entry.author, entry.idempotencyKey]);
      if (owned.has(owner)) return false;
      owned.add(owner);
      return true;
    });
  }

  /** Compares everything that `views` can be asked. */
  check(views: Views): void {
    this.#checkMessages(views);
    this.#checkTopics(views);
    for (const topic of ['x', 'x/y', 'z', 'none']) this.#checkPages(views, topic);
    for (const topic of ['x', 'none']) this.#checkFilters(views, topic);
    for (const topics of [[], ['x'], ['x', 'z'], ['none']]) this.#checkSince(views, new Set(topics));
  }

  #checkMessages(views: Views): void {
    const sizes = new Map(this.#segments.map(({ segment }) => [segment.origin, segment.head.size]));
    assert.deepEqual([...views.vector()].sort(), [...sizes].sort());
    assert.equal(
      views.count(),
      [...sizes.values()].reduce((sum, size) => sum + size, 0),
    );
    this.#checkErased(views);
    for (const { id, entry } of this.#all) {
      const { origin, seq, author, idempotencyKey } = entry;
      assert.deepEqual(views.locate(id), { origin, seq });
      assert.deepEqual(summary(views.message(id)), summary({ id, entry }));
      assert.deepEqual(summary(views.entry(origin, seq)), summary({ id, entry }));
      if (idempotencyKey === undefined) continue;
      const owner = this.#visible.find(
        (message) => message.entry.author === author && message.entry.idempotencyKey === idempotencyKey,
      );
      assert.equal(views.byIdempotencyKey(author, idempotencyKey)?.id, owner?.id);
    }
  }

  #checkErased(views: Views): void {
    for (const { segment, entries, leafHashes } of this.#segments) {
      for (const [i, entry] of entries.entries()) {
        if (entry !== undefined) continue;
        const [origin, seq] = [segment.origin, segment.firstSeq + i];
        const id = toHex(leafHashes.subarray(i * 32, (i + 1) * 32));
        assert.deepEqual(views.locate(id), { origin, seq });
        assert.equal(views.message(id), undefined);
        assert.equal(views.entry(origin, seq), undefined);
      }
    }
  }

  #checkTopics(views: Views): void {
    const byTopic = Map.groupBy(this.#visible, ({ entry }) => entry.topic);
    const expected = [...byTopic.keys()].sort().map((name) => {
      const messages = byTopic.get(name) ?? [];
      const sum = messages.reduce((total, { id }) => total + BigInt(`0x${id}`), 0n);
      return {
        name,
        count: messages.length,
        digest: BigInt.asUintN(256, sum).toString(16).padStart(64, '0'),
        lastHlc: hlcToHex(messages.at(-1)?.entry.hlc ?? 0n),
      };
    });
    assert.deepEqual(views.topics(100), expected);
    for (const topic of expected) assert.deepEqual(views.topic(topic.name), topic);
  }

  /** Whole reads in both directions at several page sizes, and windows between positions. */
  #checkPages(views: Views, topic: string): void {
    const ids = this.#visible.filter(({ entry }) => entry.topic === topic).map(({ id }) => id);
    const positions = this.#visible.filter(({ entry }) => entry.topic === topic).map(positionOf);
    for (const limit of [1, 3, 100]) {
      assert.deepEqual(readForward(views, topic, limit), ids);
      assert.deepEqual(readBackward(views, topic, limit), ids);
    }
    for (const [i, after] of positions.entries()) {
      const j = Math.min(positions.length - 1, i + 4);
      const before = positions[j];
      if (before === undefined) continue;
      for (const direction of ['forward', 'backward'] as const) {
        const page = views.page({ topic, limit: 2, direction, after, before });
        const between = ids.slice(i + 1, j);
        const expected = direction === 'forward' ? between.slice(0, 2) : between.slice(-2);
        assert.deepEqual(idsOf(page), expected);
        // An empty page lies between its bounds: what is after the lower one is next.
        const last = expected.length === 0 ? i : ids.indexOf(expected.at(-1) ?? '');
        const first = expected.length === 0 ? j : ids.indexOf(expected[0] ?? '');
        assert.equal(page.hasNext, last < ids.length - 1, 'hasNext');
        assert.equal(page.hasPrevious, first > 0, 'hasPrevious');
      }
    }
  }

  /** By author, key and time, in both directions, alone and together. */
  #checkFilters(views: Views, topic: string): void {
    const messages = this.#visible.filter(({ entry }) => entry.topic === topic);
    const times = messages.map(({ entry }) => hlcMs(entry.hlc));
    const [fromMs, untilMs] = [times[Math.floor(times.length / 4)], times[Math.floor((3 * times.length) / 4)]];
    const filters: MessageFilter[] = [{ author: 'ann' }, { author: 'nobody' }, { fromMs }, { untilMs }];
    filters.push({ fromMs, untilMs }, { author: 'bob', fromMs, untilMs }, { key: messages[0]?.entry.key ?? 'none' });
    for (const filter of filters) {
      const fits = ({ entry }: ModelMessage): boolean =>
        entry.author === (filter.author ?? entry.author) &&
        entry.key === (filter.key ?? entry.key) &&
        hlcMs(entry.hlc) >= (filter.fromMs ?? 0) &&
        hlcMs(entry.hlc) < (filter.untilMs ?? 2 ** 48);
      const expected = messages.filter(fits).map(({ id }) => id);
      assert.deepEqual(readForward(views, topic, 3, filter), expected);
      assert.deepEqual(readBackward(views, topic, 3, filter), expected);
    }
  }

  #checkSince(views: Views, topics: ReadonlySet<string>): void {
    const wanted = this.#visible.filter(({ entry }) => topics.size === 0 || topics.has(entry.topic));
    for (const limit of [1, 4, 1000]) {
      let vector: ReadonlyMap<string, number> = new Map([['ab'.repeat(16), 7]]);
      const seen: StoredEntry[] = [];
      for (let more = true; more; ) {
        const batch = views.since(vector, topics, limit);
        assert.ok(batch.items.length <= limit);
        seen.push(...batch.items);
        ({ vector, more } = batch);
      }
      assert.deepEqual(seen.map(({ id }) => id).sort(), wanted.map(({ id }) => id).sort());
      assert.deepEqual(vector, new Map([['ab'.repeat(16), 7], ...views.vector()]));
      for (const messages of Map.groupBy(seen, ({ entry }) => entry.origin).values()) {
        const seqs = messages.map(({ entry }) => entry.seq);
        assert.deepEqual(
          seqs,
          [...seqs].sort((a, b) => a - b),
        );
      }
    }
  }
}

function orderKey({ entry }: ModelMessage): string {
  return hlcToHex(entry.hlc) + entry.origin + String(entry.seq).padStart(16, '0');
}

function positionOf({ entry }: { readonly entry: Entry }): TopicPosition {
  return { hlc: hlcToHex(entry.hlc), origin: entry.origin, seq: entry.seq };
}

function readForward(views: Views, topic: string, limit: number, filter: MessageFilter = {}): string[] {
  const ids: string[] = [];
  for (let after: TopicPosition | undefined; ; ) {
    const page = views.page({ topic, limit, direction: 'forward', filter, ...(after === undefined ? {} : { after }) });
    assert.equal(page.hasPrevious, ids.length > 0);
    ids.push(...idsOf(page));
    const last = page.items.at(-1);
    if (!page.hasNext || last === undefined) return ids;
    after = positionOf(last);
  }
}

function readBackward(views: Views, topic: string, limit: number, filter: MessageFilter = {}): string[] {
  const ids: string[] = [];
  for (let before: TopicPosition | undefined; ; ) {
    const page = views.page({
      topic,
      limit,
      direction: 'backward',
      filter,
      ...(before === undefined ? {} : { before }),
    });
    assert.equal(page.hasNext, ids.length > 0);
    ids.unshift(...idsOf(page));
    const first = page.items[0];
    if (!page.hasPrevious || first === undefined) return ids;
    before = positionOf(first);
  }
}

function idsOf(page: Page): string[] {
  return page.items.map(({ id }) => id);
}

function summary(stored: StoredEntry | undefined): unknown {
  if (stored === undefined) return undefined;
  return { id: stored.id, ...stored.entry, body: toHex(stored.entry.body), hlc: hlcToHex(stored.entry.hlc) };
}
