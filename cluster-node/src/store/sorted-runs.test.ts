import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, test } from 'node:test';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { Batch } from './batch.ts';
import { everything } from './keys.ts';
import { MemoryKeyValue } from './memory-key-value.ts';
import { Memtable } from './memtable.ts';
import { type Place, placeOf, recordBytes } from './place-record.ts';
import { findInRuns } from './run-search.ts';
import { addRun, mergeRuns } from './sorted-runs.ts';

const index = 3;

function hashOf(seq: number): Uint8Array {
  return hash('sha256', String(seq), 'buffer');
}

function runOf(places: readonly { readonly hash: Uint8Array; readonly place: Place }[]): Uint8Array {
  const memtable = new Memtable(4096);
  for (const { hash: bytes, place } of places) memtable.add(bytes, place);
  return memtable.sorted();
}

/** Writes what `change` puts into a batch. */
async function write(data: MemoryKeyValue, change: (batch: Batch) => void): Promise<number> {
  const batch = new Batch(data);
  change(batch);
  const changes = [...batch.changes()];
  await data.write(changes);
  return changes.length;
}

function chunksIn(data: MemoryKeyValue): Map<number, Uint8Array[]> {
  const runs = new Map<number, Uint8Array[]>();
  for (const [key, chunk] of data.range('runs', everything)) {
    const run = Buffer.from(key).readUInt32BE(1);
    runs.set(run, [...(runs.get(run) ?? []), chunk]);
  }
  return runs;
}

describe('sorted runs', () => {
  test('find every record after any number of flushes and steps of merging', async () => {
    const data = new MemoryKeyValue();
    const perRun = 600;
    let seq = 0;
    const found = (wanted: number) => findInRuns(data, index, hashOf(wanted)).map((record) => placeOf(record).seq);
    for (let flush = 0; flush < 45; flush++) {
      const places = Array.from({ length: perRun }, () => ({ hash: hashOf(seq), place: { ordinal: 1, seq: seq++ } }));
      await write(data, (batch) => addRun(batch, index, runOf(places)));
      await write(data, (batch) => mergeRuns(batch, index, perRun));
      for (let wanted = flush % 7; wanted < seq; wanted += 97) assert.ok(found(wanted).includes(wanted));
    }
    for (let wanted = 0; wanted < seq; wanted++) assert.ok(found(wanted).includes(wanted));
    assert.deepEqual(found(seq + 1), []);

    // S1, and no more runs than the levels of 45 flushes take: two or three of each, some being merged.
    const runs = chunksIn(data);
    assert.ok(runs.size <= 12, `found ${runs.size} runs`);
    for (const chunks of runs.values()) {
      const records = Buffer.concat(chunks);
      for (let at = recordBytes; at < records.length; at += recordBytes) {
        const order = Buffer.compare(records.subarray(at - recordBytes, at), records.subarray(at, at + recordBytes));
        assert.equal(order, -1);
      }
    }
    const kept = [...runs.values()].flat().reduce((sum, chunk) => sum + chunk.length / recordBytes, 0);
    assert.ok(kept >= seq && kept < seq + 4 * 4 * 254, 'hardly anything is kept twice');
  });

  test('do a bounded amount of work at a time, and end with one run when left to finish', async () => {
    const data = new MemoryKeyValue();
    let seq = 0;
    for (let run = 0; run < 4; run++) {
      const places = Array.from({ length: 4000 }, () => ({ hash: hashOf(seq), place: { ordinal: 0, seq: seq++ } }));
      await write(data, (batch) => addRun(batch, index, runOf(places)));
    }
    let steps = 0;
    for (; chunksIn(data).size > 1; steps++) {
      // Two chunks are moved: written, deleted, and the manifest.
      const changed = await write(data, (batch) => mergeRuns(batch, index, 254));
      assert.ok(changed <= 2 * 4 + 4 + 2, `found ${changed} changes`);
      for (let wanted = steps; wanted < seq; wanted += 500) {
        assert.ok(findInRuns(data, index, hashOf(wanted)).length > 0);
      }
    }
    assert.ok(steps > 10);
    const [chunks] = chunksIn(data).values();
    assert.equal(
      chunks?.reduce((sum, chunk) => sum + chunk.length / recordBytes, 0),
      seq,
    );
  });

  test('find all records of one prefix, also over several chunks and runs', async () => {
    const data = new MemoryKeyValue();
    const same = new Uint8Array(32).fill(0x55);
    for (let run = 0; run < 5; run++) {
      const places = Array.from({ length: 600 }, (_, i) => ({ hash: same, place: { ordinal: run, seq: i } }));
      const others = Array.from({ length: 300 }, (_, i) => ({
        hash: hashOf(run * 300 + i),
        place: { ordinal: 9, seq: i },
      }));
      await write(data, (batch) => addRun(batch, index, runOf([...places, ...others])));
      await write(data, (batch) => mergeRuns(batch, index, 254));
      const records = new Set(findInRuns(data, index, same).map(toHex));
      assert.equal(records.size, (run + 1) * 600);
    }
  });

  test('of different indexes have nothing to do with each other', async () => {
    const data = new MemoryKeyValue();
    await write(data, (batch) => addRun(batch, 1, runOf([{ hash: hashOf(1), place: { ordinal: 1, seq: 1 } }])));
    assert.equal(findInRuns(data, 1, hashOf(1)).length, 1);
    assert.deepEqual(findInRuns(data, 2, hashOf(1)), []);
  });
});

describe('memtable', () => {
  test('finds records by prefix and sorts them, colliding ones included', () => {
    const memtable = new Memtable(512);
    const records: string[] = [];
    for (let i = 0; i < 512; i++) {
      // 32 different beginnings; every other hash differs only behind the bits by which sorting starts.
      const bytes = hashOf(i % 32);
      bytes[6] = i % 2;
      memtable.add(bytes, { ordinal: 513, seq: 2 ** 48 - 1 - i });
      records.push(`${toHex(bytes.subarray(0, 8))}0201${(2 ** 48 - 1 - i).toString(16)}`);
    }
    assert.equal(memtable.size, 512);
    assert.equal(toHex(memtable.sorted()), records.sort().join(''));
    const wanted = hashOf(3);
    wanted[6] = 1;
    const found = memtable.find(wanted.subarray(0, 8)).map(toHex);
    assert.deepEqual(
      found.sort(),
      records.filter((record) => record.startsWith(toHex(wanted.subarray(0, 8)))),
    );
    assert.equal(found.length, 16);
    assert.deepEqual(memtable.find(hashOf(99).subarray(0, 8)), []);
    assert.throws(() => memtable.add(wanted, { ordinal: 1, seq: 1 }), /is full/);
  });
});
