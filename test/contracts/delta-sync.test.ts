/** Readers that go from node to node, each with a part of the logs, see every message exactly once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { CheckedSegment } from '@grapevine/cluster-node/store/log-store.ts';
import { MemoryLogStore } from '@grapevine/cluster-node/store/memory-log-store.ts';
import { decodeToken, encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import fc from 'fast-check';
import { OriginLog } from '../fixtures/origin-log.ts';

const topics = ['a', 'b', 'c'];

/** Follows some topics; all that it keeps between two reads is a token. */
class Reader {
  readonly topics: ReadonlySet<string>;
  readonly seen: Entry[] = [];
  #token = encodeToken(new Map());

  constructor(random: SeededRandom) {
    this.topics = new Set(topics.filter(() => random.below(2) === 0));
  }

  wants({ topic }: Entry): boolean {
    return this.topics.size === 0 || this.topics.has(topic);
  }

  /** Reads one page at `node`; answers whether there is more. */
  read({ log }: MemoryLogStore, limit: number): boolean {
    const { items, vector, more } = log.views.since(decodeToken(this.#token), this.topics, limit);
    assert.ok(items.length <= limit);
    this.seen.push(...items.map(({ entry }) => entry));
    this.#token = encodeToken(vector);
    return more;
  }
}

/** Segments of several origins that are still on their way to one node, each origin's in order. */
class Arrivals {
  readonly #queues: CheckedSegment[][];

  constructor(segments: readonly CheckedSegment[]) {
    this.#queues = [...Map.groupBy(segments, ({ segment }) => segment.origin).values()];
  }

  get areOver(): boolean {
    return this.#queues.every((queue) => queue.length === 0);
  }

  next(random: SeededRandom): CheckedSegment[] {
    return this.#queues[random.below(this.#queues.length)]?.splice(0, 1) ?? [];
  }
}

test('a reader misses nothing, sees nothing twice, and each origin in order, whatever arrives where and when', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const random = new SeededRandom(seed);
      const origins = Array.from({ length: 1 + random.below(4) }, (_, i) => new OriginLog(`origin ${i}`));
      const message = () => ({ topic: topics[random.below(topics.length)] ?? 'a' });
      const segments = Array.from({ length: 1 + random.below(30) }, () =>
        origins[random.below(origins.length)]?.segment(Array.from({ length: 1 + random.below(9) }, message)),
      ).flatMap((segment) => segment ?? []);
      const nodes = await Promise.all([0, 1, 2].map(() => MemoryLogStore.open(fastTreeHash)));
      const arrivals = nodes.map(() => new Arrivals(segments));
      const readers = [0, 1, 2].map(() => new Reader(random));
      while (arrivals.some(({ areOver }) => !areOver)) {
        const at = random.below(nodes.length);
        const arrived = arrivals[at]?.next(random) ?? [];
        if (arrived.length > 0) await nodes[at]?.log.commit(arrived);
        const [reader, node] = [readers[random.below(readers.length)], nodes[random.below(nodes.length)]];
        if (reader !== undefined && node !== undefined) reader.read(node, 1 + random.below(20));
      }
      const [last] = nodes;
      const all = segments.flatMap(({ entries }) => entries.flatMap((entry) => entry ?? []));
      for (const reader of readers) {
        while (last !== undefined && reader.read(last, 1 + random.below(20)));
        const expected = all.filter((entry) => reader.wants(entry));
        assert.deepEqual(reader.seen.map(placeOf).sort(), expected.map(placeOf).sort());
        for (const ofOrigin of Map.groupBy(reader.seen, ({ origin }) => origin).values()) {
          const seqs = ofOrigin.map(({ seq }) => seq);
          assert.deepEqual(
            seqs,
            [...seqs].sort((a, b) => a - b),
          );
        }
      }
    }),
    { numRuns: 60 },
  );
});

function placeOf({ origin, seq }: Entry): string {
  return `${origin}/${seq}`;
}
