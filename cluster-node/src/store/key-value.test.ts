import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import fc from 'fast-check';
import { Batch } from './batch.ts';
import { JournaledKeyValue } from './journaled-key-value.ts';
import type { Change, KeyRange, KeyValueReader, KeyValueStore } from './key-value.ts';
import { everything } from './keys.ts';
import { LmdbKeyValue } from './lmdb-key-value.ts';
import { MemoryKeyValue } from './memory-key-value.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-kv-'));
after(() => rmSync(folder, { recursive: true }));
let folders = 0;

function newFolder(): string {
  const path = join(folder, String(folders++));
  mkdirSync(path);
  return path;
}

const stores: Record<string, () => Promise<KeyValueStore>> = {
  memory: async () => new MemoryKeyValue(),
  LMDB: async () => LmdbKeyValue.open(newFolder(), { readOnly: false }),
  'LMDB behind a journal': async () => {
    const path = newFolder();
    return JournaledKeyValue.open(LmdbKeyValue.open(path, { readOnly: false }), path);
  },
};

/** Few different bytes, so that keys begin alike, end alike and are each other's beginnings. */
const key = fc
  .array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), { minLength: 1, maxLength: 4 })
  .map((bytes) => Uint8Array.from(bytes));
const value = fc.option(fc.uint8Array({ maxLength: 6 }), { nil: undefined, freq: 3 });
const changes = fc.array(
  fc.tuple(key, value).map(([at, to]): Change => ({ table: 'topics', key: at, value: to })),
  { maxLength: 12 },
);
const range = fc.record({ from: key, to: key, reverse: fc.boolean() });

for (const [name, open] of Object.entries(stores)) {
  describe(`KeyValueStore: ${name}`, () => {
    test('reads what was written, in byte order, in both directions', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(changes, { maxLength: 5 }), fc.array(range), async (writes, ranges) => {
          const store = await open();
          const model = new Map<string, Uint8Array>();
          for (const write of writes) {
            await store.write(write);
            applyTo(model, write);
          }
          agree(store, model, ranges);
          await store.close();
        }),
        { numRuns: name === 'memory' ? 200 : 15 },
      );
    });

    test('keeps tables apart and takes empty values', async () => {
      const store = await open();
      const at = Uint8Array.of(1);
      await store.write([
        { table: 'topics', key: at, value: new Uint8Array(0) },
        { table: 'hidden', key: at, value: Uint8Array.of(7) },
      ]);
      assert.deepEqual([...(store.get('topics', at) ?? [9])], []);
      assert.deepEqual([...(store.get('hidden', at) ?? [])], [7]);
      assert.equal(store.get('tiles', at), undefined);
      await store.close();
    });

    test('shows a write only when it is done, and then at once', async () => {
      const store = await open();
      const at = Uint8Array.of(1);
      for (let i = 0; i < 50; i++) {
        const written = store.write([{ table: 'topics', key: at, value: Uint8Array.of(i) }]);
        // Memory is done before it says so.
        if (name !== 'memory') assert.notEqual(store.get('topics', at)?.[0], i);
        await written;
        assert.equal(store.get('topics', at)?.[0], i);
      }
      await store.close();
    });

    test('takes values of a megabyte', async () => {
      const store = await open();
      const large = new Uint8Array(1_100_000).fill(3);
      await store.write([{ table: 'topics', key: Uint8Array.of(1), value: large }]);
      assert.equal(store.get('topics', Uint8Array.of(1))?.length, large.length);
      await store.close();
    });
  });
}

describe('LMDB that is opened anew', () => {
  const change = (i: number): Change => ({ table: 'topics', key: Uint8Array.of(i), value: Uint8Array.of(i) });

  test('has what was written, and refuses in words what is read in between', async () => {
    const store = LmdbKeyValue.open(newFolder(), { readOnly: false });
    await store.write([change(1)]);
    let isOpening = true;
    const outcomes = new Set<unknown>();
    const reading = (async () => {
      for (; isOpening; await Promise.resolve()) {
        try {
          outcomes.add(store.get('topics', Uint8Array.of(1))?.[0]);
        } catch (error) {
          outcomes.add(error instanceof GrapevineError && error.code);
        }
      }
    })();
    for (let i = 0; i < 20; i++) await store.reopen();
    isOpening = false;
    await reading;
    assert.deepEqual(outcomes, new Set([1, 'UNAVAILABLE']));
    // lmdb would end the process in a later turn, if it had been read from while it was closed.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await store.write([change(2)]);
    assert.equal(store.get('topics', Uint8Array.of(2))?.[0], 2);
    await store.close();
    assert.throws(() => store.get('topics', Uint8Array.of(2)), { code: 'UNAVAILABLE' });
    await assert.rejects(store.write([change(3)]), { code: 'UNAVAILABLE' });
  });

  test('is not opened when its file is gone or another one', async () => {
    const folder = newFolder();
    const store = LmdbKeyValue.open(folder, { readOnly: false });
    await store.write([change(1)]);
    renameSync(join(folder, 'data.mdb'), join(folder, 'away'));
    await assert.rejects(store.reopen(), { code: 'DISK_FAILED' });
    await assert.rejects(store.write([change(2)]), { code: 'DISK_FAILED' });
    assert.equal(store.get('topics', Uint8Array.of(1))?.[0], 1, 'what was open can still be read');
    renameSync(join(folder, 'away'), join(folder, 'data.mdb'));
    await store.reopen();
    await store.write([change(2)]);
    await store.close();
  });
});

test('a batch reads like the store will after it was written', () => {
  fc.assert(
    fc.property(changes, changes, changes, fc.array(range), (stored, inner, outer, ranges) => {
      const base = new MemoryKeyValue();
      void base.write(stored);
      const below = new Batch(base);
      const batch = new Batch(below);
      const model = new Map<string, Uint8Array>();
      applyTo(model, [...stored, ...inner, ...outer]);
      for (const change of inner) below.add(change);
      for (const change of outer) batch.add(change);
      agree(batch, model, ranges);

      void base.write([...below.changes(), ...batch.changes()]);
      agree(base, model, ranges);
      batch.rebase(base);
      agree(batch, model, ranges);
    }),
    { numRuns: 300 },
  );
});

function applyTo(model: Map<string, Uint8Array>, all: readonly Change[]): void {
  for (const change of all) {
    if (change.value === undefined) model.delete(toHex(change.key));
    else model.set(toHex(change.key), change.value);
  }
}

function agree(reader: KeyValueReader, model: ReadonlyMap<string, Uint8Array>, ranges: readonly KeyRange[]): void {
  for (const asked of [...ranges, everything, { ...everything, reverse: true }]) {
    const keys = [...model.keys()].filter((hex) => hex >= toHex(asked.from) && hex < toHex(asked.to)).sort();
    if (asked.reverse === true) keys.reverse();
    const found = Array.from(reader.range('topics', asked), ([at, to]) => [toHex(at), toHex(to)]);
    assert.deepEqual(
      found,
      keys.map((hex) => [hex, toHex(model.get(hex) ?? new Uint8Array(0))]),
    );
    for (const hex of keys)
      assert.equal(
        toHex(reader.get('topics', Uint8Array.fromHex(hex)) ?? new Uint8Array(9)),
        toHex(model.get(hex) ?? new Uint8Array(9)),
      );
  }
  assert.equal(reader.get('topics', Uint8Array.of(9, 9, 9, 9, 9)), undefined);
}
