import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { journalNames } from './journal-format.ts';
import { JournaledKeyValue, readJournaled } from './journaled-key-value.ts';
import type { Change, KeyValueReader } from './key-value.ts';
import { everything } from './keys.ts';
import { MemoryKeyValue } from './memory-key-value.ts';
import { type StoreObserver, silentObserver } from './store-observer.ts';

const root = mkdtempSync(join(tmpdir(), 'grapevine-journaled-'));
const opened: JournaledKeyValue[] = [];
after(() => {
  // Those that a crash left open: one that has lost its folder would try to go on for ever.
  void Promise.allSettled(opened.map((store) => store.close()));
  rmSync(root, { recursive: true });
});

async function open(...parts: Parameters<typeof JournaledKeyValue.open>): Promise<JournaledKeyValue> {
  const store = await JournaledKeyValue.open(...parts);
  opened.push(store);
  return store;
}

function newFolder(): string {
  return mkdtempSync(join(root, 'j-'));
}

function put(at: number, ...value: number[]): Change {
  return { table: 'topics', key: Uint8Array.of(at), value: Uint8Array.from(value) };
}

/** As far as a few turns of the event loop can tell. */
async function assertNeverSettles(promise: Promise<void>): Promise<void> {
  const turns = (async () => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    return 'waiting';
  })();
  assert.equal(await Promise.race([promise, turns]), 'waiting');
}

function contentOf(reader: KeyValueReader): string[] {
  return Array.from(reader.range('topics', everything), ([key, value]) => `${toHex(key)}=${toHex(value)}`);
}

describe('a database behind a journal', () => {
  test('has everything acknowledged after a crash, however far the database had come', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    let store = await open(database, folder);
    let crashed = database;
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 10; i++) {
        // The database stops taking writes somewhere in the middle of each round.
        if (i === round) crashed.hold();
        await store.write([put(i, round), put(100 + round, i)]);
        if (i % 3 === round % 3) await store.write([{ table: 'topics', key: Uint8Array.of(i), value: undefined }]);
      }
      const before = contentOf(store);
      assert.deepEqual(contentOf(readJournaled(crashed, folder)), before, 'to a reader that changes nothing');
      crashed = crashed.crash();
      store = await open(crashed, folder);
      assert.deepEqual(contentOf(store), before);
      assert.deepEqual(contentOf(crashed), before, 'the database has caught up');
    }
  });

  test('hands over what came while it was handing over, however long that took', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const turnUntil = async (condition: () => boolean): Promise<void> => {
      for (let turns = 0; !condition(); turns++) {
        assert.ok(turns < 100_000, 'it never came');
        t.mock.timers.tick(10);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const database = new MemoryKeyValue();
    const store = await open(database, newFolder());
    database.hold();
    await store.write([put(1, 1)]);
    await turnUntil(() => database.waiting);
    await store.write([put(2, 2)]);
    t.mock.timers.tick(1_000);
    database.release();
    await turnUntil(() => contentOf(database).length === 2);
  });

  test('waits for the database when the journal is full, and loses nothing by it', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await open(database, folder);
    database.hold();
    const large = new Uint8Array(1_000_000);
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 12; i++, written++) {
        await store.write([{ table: 'topics', key: Uint8Array.of(i), value: large.fill(i) }]);
      }
    })();
    // Four fit a file; the ninth would go over the first, which the database does not have yet.
    while (written < 8) await new Promise((resolve) => setImmediate(resolve));
    await assertNeverSettles(writing);
    assert.equal(written, 8);
    assert.equal([...readJournaled(database, folder).range('topics', everything)].length, 8);
    database.release();
    await writing;
    await store.close();
    assert.equal([...database.range('topics', everything)].length, 12);
  });

  test('takes a write that is larger than the journal, in its place among the others', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await open(database, folder);
    await store.write([put(1, 1), put(2, 1)]);
    const large = Array.from({ length: 6 }, (_, i) => ({ ...put(10 + i), value: new Uint8Array(1_000_000) }));
    await store.write([put(1, 2), ...large]);
    await store.write([put(1, 3)]);
    assert.equal(store.get('topics', Uint8Array.of(1))?.[0], 3);
    const again = await open(database.crash(), folder);
    assert.equal(again.get('topics', Uint8Array.of(1))?.[0], 3);
    assert.equal(again.get('topics', Uint8Array.of(2))?.[0], 1);
    assert.equal([...again.range('topics', everything)].length, 8);
  });

  test('takes writes that overlap in the order of the calls, and all fail that follow a failed one', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await open(database, folder);
    const order: number[] = [];
    const write = async (i: number) => {
      // The second of three would be first, if size decided.
      await store.write([{ ...put(i % 3), value: Buffer.alloc(i % 3 === 1 ? 10 : 100_000, i) }]);
      assert.equal(store.get('topics', Uint8Array.of(i % 3))?.[0], i);
      order.push(i);
    };
    const all = Array.from({ length: 30 }, (_, i) => i);
    await Promise.all(all.map(write));
    assert.deepEqual(order, all);
    database.hold();
    await store.write([put(9, 9)]);
    while (!database.waiting) await new Promise((resolve) => setImmediate(resolve));
    const outcomes = Array.from({ length: 6 }, (_, i) => store.write([put(20 + i, i)]));
    database.fail(new Error('input/output error'));
    const settled = await Promise.allSettled(outcomes);
    const first = settled.findIndex(({ status }) => status === 'rejected');
    assert.ok(settled.every(({ status }, i) => status === (i < first ? 'fulfilled' : 'rejected')));
    const taken = settled.map((_, i) => i).filter((i) => store.get('topics', Uint8Array.of(20 + i)) !== undefined);
    assert.equal(taken.length, first, 'those that were refused cannot be read');
    await store.close();
  });

  test('refuses writes when the database fails, and goes on by itself once it works', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const { observer, events, recovered } = watch();
    const store = await open(database, folder, observer);
    await failOnce(database, store);
    assert.deepEqual(contentOf(store), ['01=01', '02=02'], 'what was acknowledged can still be read');
    await assert.rejects(store.write([put(4, 4)]), { code: 'DISK_FULL' });
    assert.equal(codeOf(store), 'DISK_FULL');
    // The disk fails once more when the store tries to go on.
    while (!database.waiting) await new Promise((resolve) => setImmediate(resolve));
    database.fail(new Error('input/output error'));
    while (codeOf(store) !== 'DISK_FAILED') await new Promise((resolve) => setImmediate(resolve));
    database.release();
    await recovered;
    assert.deepEqual(events, ['failed: DISK_FULL', 'failed: DISK_FAILED', 'recovered']);
    assert.equal(store.trouble, undefined);
    assert.deepEqual(contentOf(store), ['01=01', '02=02']);
    for (let i = 3; i < 6; i++) await store.write([put(i, i)]);
    const expected = ['01=01', '02=02', '03=03', '04=04', '05=05'];
    assert.deepEqual(contentOf(readJournaled(database, folder)), expected);
    // The new journal is what a crash leaves.
    const again = await open(database.crash(), folder);
    assert.deepEqual(contentOf(again), expected);
  });

  test('has everything acknowledged at the next start when the database never worked again', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await open(database, folder);
    await failOnce(database, store);
    const again = await open(database.crash(), folder);
    assert.deepEqual(contentOf(again).slice(0, 2), ['01=01', '02=02']);
    await store.close();
  });

  test('goes on by itself when its journal is taken away, and loses nothing by it', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const { observer, events, recovered } = watch();
    const store = await open(database, folder, observer);
    for (const name of journalNames) rmSync(join(folder, name));
    // Acknowledged before anybody could know.
    await store.write([put(1, 1)]);
    await recovered;
    assert.deepEqual(events, ['failed: DISK_FAILED', 'recovered']);
    await store.write([put(2, 2)]);
    const again = await open(database.crash(), folder);
    assert.deepEqual(contentOf(again), ['01=01', '02=02']);
  });

  test('does not go on with a database that was exchanged for an older one', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const { observer } = watch();
    const store = await open(database, folder, observer);
    await failOnce(database, store);
    const older = { table: 'meta', key: new TextEncoder().encode('journal'), value: undefined } as const;
    database.release();
    await database.write([older]);
    while (codeOf(store) !== 'DATA_DAMAGED') await new Promise((resolve) => setTimeout(resolve, 10));
    await assert.rejects(store.write([put(4, 4)]), { code: 'DATA_DAMAGED' });
    await store.close();
  });

  test('is damaged when the database is gone and its journal is there', async () => {
    const folder = newFolder();
    const old = await open(new MemoryKeyValue(), folder);
    for (let i = 0; i < 20; i++) await old.write([put(i, i)]);
    await old.close();
    await assert.rejects(open(new MemoryKeyValue(), folder), isDamage);
    assert.throws(() => readJournaled(new MemoryKeyValue(), folder), isDamage);
  });

  test('is damaged when the journal is gone, unless the store was closed: then nothing in it is needed', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await open(database, folder);
    await store.write([put(1, 1)]);
    await assert.rejects(open(database.copy(), newFolder()), isDamage);
    await store.close();
    const again = await open(database, newFolder());
    assert.deepEqual(contentOf(again), ['01=01']);
    await again.close();
  });

  test('does not take another store’s journal for its own', async () => {
    const [folder, other] = [newFolder(), newFolder()];
    const database = new MemoryKeyValue();
    await open(database, folder);
    const stranger = await open(new MemoryKeyValue(), other);
    await stranger.write([put(1, 1)]);
    for (const name of journalNames) cpSync(join(other, name), join(folder, name));
    await assert.rejects(open(database.crash(), folder), isDamage);
  });
});

function isDamage(error: unknown): boolean {
  return error instanceof GrapevineError && error.code === 'DATA_DAMAGED';
}

/** Has a store with two acknowledged writes fail at taking over the first. */
async function failOnce(database: MemoryKeyValue, store: JournaledKeyValue): Promise<void> {
  database.hold();
  await store.write([put(1, 1)]);
  while (!database.waiting) await new Promise((resolve) => setImmediate(resolve));
  await store.write([put(2, 2)]);
  database.fail(new Error('no space left'));
  while (store.trouble === undefined) await new Promise((resolve) => setImmediate(resolve));
}

function watch(): { observer: StoreObserver; events: string[]; recovered: Promise<void> } {
  const events: string[] = [];
  const { promise: recovered, resolve } = Promise.withResolvers<void>();
  const observer = {
    ...silentObserver,
    failed: ({ code }: GrapevineError) => events.push(`failed: ${code}`),
    recovered: () => {
      events.push('recovered');
      resolve();
    },
  };
  return { observer, events, recovered };
}

function codeOf(store: JournaledKeyValue): string | undefined {
  return store.trouble?.code;
}
