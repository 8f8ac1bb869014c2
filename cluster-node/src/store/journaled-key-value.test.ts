import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { JournaledKeyValue, readJournaled } from './journaled-key-value.ts';
import type { Change, KeyValueReader } from './key-value.ts';
import { everything } from './keys.ts';
import { MemoryKeyValue } from './memory-key-value.ts';

const root = mkdtempSync(join(tmpdir(), 'grapevine-journaled-'));
after(() => rmSync(root, { recursive: true }));

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
    let store = await JournaledKeyValue.open(database, folder);
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
      store = await JournaledKeyValue.open(crashed, folder);
      assert.deepEqual(contentOf(store), before);
      assert.deepEqual(contentOf(crashed), before, 'the database has caught up');
    }
  });

  test('waits for the database when the journal is full, and loses nothing by it', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await JournaledKeyValue.open(database, folder);
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
    const store = await JournaledKeyValue.open(database, folder);
    await store.write([put(1, 1), put(2, 1)]);
    const large = Array.from({ length: 6 }, (_, i) => ({ ...put(10 + i), value: new Uint8Array(1_000_000) }));
    await store.write([put(1, 2), ...large]);
    await store.write([put(1, 3)]);
    assert.equal(store.get('topics', Uint8Array.of(1))?.[0], 3);
    const again = await JournaledKeyValue.open(database.crash(), folder);
    assert.equal(again.get('topics', Uint8Array.of(1))?.[0], 3);
    assert.equal(again.get('topics', Uint8Array.of(2))?.[0], 1);
    assert.equal([...again.range('topics', everything)].length, 8);
  });

  test('takes nothing more after the database failed, and has everything acknowledged at the next start', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await JournaledKeyValue.open(database, folder);
    database.hold();
    await store.write([put(1, 1)]);
    // Once the waiting change is on its way to the database, have it fail.
    while (!database.waiting) await new Promise((resolve) => setImmediate(resolve));
    await store.write([put(2, 2)]);
    database.fail(new Error('no space left'));
    const isRefusal = (error: unknown) =>
      error instanceof GrapevineError && error.code === 'UNAVAILABLE' && /no space left/.test(error.message);
    await assert.rejects(async () => {
      for (;;) await store.write([put(1, 1)]);
    }, isRefusal);
    assert.deepEqual(contentOf(store), ['01=01', '02=02'], 'what was acknowledged can still be read');
    await store.close();
    const again = await JournaledKeyValue.open(database.crash(), folder);
    assert.deepEqual(contentOf(again), ['01=01', '02=02']);
  });

  test('starts afresh when the database is new, whatever journal is there', async () => {
    const folder = newFolder();
    const old = await JournaledKeyValue.open(new MemoryKeyValue(), folder);
    for (let i = 0; i < 20; i++) await old.write([put(i, i)]);
    await old.close();
    const database = new MemoryKeyValue();
    const store = await JournaledKeyValue.open(database, folder);
    await store.write([put(1, 9)]);
    const again = await JournaledKeyValue.open(database.crash(), folder);
    assert.deepEqual(contentOf(again), ['01=09']);
  });

  test('is damaged when the journal is gone', async () => {
    const folder = newFolder();
    const database = new MemoryKeyValue();
    const store = await JournaledKeyValue.open(database, folder);
    await store.write([put(1, 1)]);
    await store.close();
    const isDamage = (error: unknown) => error instanceof GrapevineError && error.code === 'DATA_DAMAGED';
    await assert.rejects(JournaledKeyValue.open(database.crash(), newFolder()), isDamage);
  });
});
