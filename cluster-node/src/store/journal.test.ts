import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { acknowledgedRecords, createJournal, hasJournal, readJournal, usedJournal } from './journal.ts';
import {
  blockBytes,
  type JournalRecord,
  journalNames,
  maxPayloadBytes,
  recordHeaderBytes,
  sealRecord,
} from './journal-format.ts';
import { newPosition, nextLife, type OpenPosition } from './journal-position.ts';
import { JournalWriter, maxRecordsUnderWay } from './journal-writer.ts';

const root = mkdtempSync(join(tmpdir(), 'grapevine-journal-'));
after(() => rmSync(root, { recursive: true }));

interface Journal {
  readonly folder: string;
  readonly position: OpenPosition;
  readonly writer: JournalWriter;
}

async function newJournal(): Promise<Journal> {
  const folder = mkdtempSync(join(root, 'j-'));
  const position = nextLife(newPosition());
  await createJournal(folder, position.id);
  return { folder, position, writer: new JournalWriter(folder, 0, position.salt) };
}

/** Appends a payload of `length` times the record's own number. */
function append(writer: JournalWriter, length: number): Promise<void> {
  const number = writer.newest + 1;
  return writer.append(length, (payload) => payload.fill(number));
}

/** A file with three acknowledged records, and two from `from` to `to` that were on their way when the power failed. */
async function powerFailure(): Promise<{ file: Buffer; salt: Uint8Array; from: number; to: number }> {
  const { folder, position, writer } = await newJournal();
  for (const length of [10, 9_000, 100]) await append(writer, length);
  await Promise.all([append(writer, 5_000), append(writer, 700)]);
  writer.close();
  const [from, to] = [6 * blockBytes, 9 * blockBytes];
  // A short file: the rest are zeros, and would only have to be looked at each time.
  const file = readFileSync(join(folder, journalNames[0])).subarray(0, to + blockBytes);
  return { file, salt: position.salt, from, to };
}

/** The number of a record that has the payload which `append` gave it. */
function withItsPayload({ sequence, payload }: JournalRecord): number {
  assert.ok(Buffer.alloc(payload.length, sequence).equals(payload));
  return sequence;
}

/** Sequence numbers of the records after `applied`, each with the payload that `append` gave it. */
function read({ folder, position }: Journal, applied = 0): number[] {
  return readJournal(folder, { ...position, applied }).map(withItsPayload);
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Changes a file's bytes as a failing disk would. */
function damage(folder: string, name: string, change: (file: Buffer) => void): void {
  const path = join(folder, name);
  const file = readFileSync(path);
  change(file);
  writeFileSync(path, file);
}

function isDamage(error: unknown): boolean {
  return error instanceof GrapevineError && error.code === 'DATA_DAMAGED';
}

describe('journal', () => {
  test('gives back the records after a position, in order, of any length', async () => {
    const journal = await newJournal();
    assert.deepEqual(read(journal), []);
    const lengths = [1, 0, 5000, blockBytes - recordHeaderBytes, blockBytes - recordHeaderBytes + 1, 300_000];
    for (const length of lengths) await append(journal.writer, length);
    assert.deepEqual(
      readJournal(journal.folder, journal.position).map(({ payload }) => payload.length),
      lengths,
    );
    assert.deepEqual(read(journal), numbers(1, 6));
    assert.deepEqual(read(journal, 4), [5, 6]);
    journal.writer.close();
  });

  test('takes records that overlap, up to its most, and confirms them in order', async () => {
    const journal = await newJournal();
    const { writer } = journal;
    const order: number[] = [];
    for (let i = 0; i < 200; i++) {
      await writer.room();
      const number = writer.newest + 1;
      // The first of two is the longer one: it ends last when nobody holds the other back.
      void append(writer, i % 2 === 0 ? 60_000 : 10).then(() => {
        order.push(number);
        assert.ok(writer.confirmed >= number);
      });
    }
    await writer.settled();
    assert.deepEqual(order, numbers(1, 200));
    assert.deepEqual(read(journal, 190), numbers(191, 200));
    for (let i = 0; i < maxRecordsUnderWay; i++) void append(writer, 1);
    assert.throws(() => append(writer, 1), RangeError);
    await writer.settled();
    writer.close();
  });

  test('goes on in the other file, and over old records, and never loses one that is still needed', async () => {
    const journal = await newJournal();
    const { writer } = journal;
    // Three to a file; applied follows two behind.
    const length = Math.floor(maxPayloadBytes / 3) - blockBytes;
    for (let number = 1; number <= 20; number++) {
      const blocking = writer.blockedBy(length);
      assert.ok(blocking <= Math.max(0, number - 4), `record ${number} would wait for ${blocking}`);
      await append(writer, length);
      assert.deepEqual(read(journal, Math.max(0, number - 3)), numbers(Math.max(1, number - 2), number));
    }
    writer.close();
  });

  test('is taken up again where it ended, and nothing of the life before counts any more', async () => {
    const journal = await newJournal();
    for (let i = 0; i < 5; i++) await append(journal.writer, 9000);
    journal.writer.close();
    const position = nextLife({ ...journal.position, applied: 5 });
    const writer = new JournalWriter(journal.folder, 5, position.salt);
    for (let i = 0; i < 2; i++) await append(writer, 10);
    writer.close();
    assert.deepEqual(read({ ...journal, position }, 5), [6, 7]);
    assert.deepEqual(read({ ...journal, position: nextLife(position) }, 7), []);
  });

  test('cut at any byte, it gives back all that was acknowledged and nothing that was not written', async () => {
    const { file, salt, from, to } = await powerFailure();
    const seen = new Set<number>();
    for (let cut = to; cut > from; cut--) {
      file.writeUInt8(0, cut - 1);
      const found = acknowledgedRecords([file], salt, 0);
      assert.deepEqual(found.map(withItsPayload), numbers(1, found.length));
      seen.add(found.length);
    }
    assert.deepEqual([...seen], [5, 4, 3]);
  });

  test('torn in any pattern of sectors, it gives back all that was acknowledged', async () => {
    const sector = 512;
    const random = new SeededRandom(7);
    const { file, salt, from, to } = await powerFailure();
    const seen = new Set<number>();
    for (let round = 0; round < 3000; round++) {
      const torn = Buffer.from(file);
      for (let at = from; at < to; at += sector) {
        if (random.below(10) === 0) torn.fill(0, at, at + sector);
      }
      const found = acknowledgedRecords([torn], salt, 0);
      assert.deepEqual(found.map(withItsPayload), numbers(1, found.length));
      seen.add(found.length);
    }
    // Three also when the first of the two is torn and the second is whole: then neither is taken.
    assert.deepEqual([...seen].sort(), [3, 4, 5]);
  });

  test('reports a damaged record that was acknowledged, wherever it is', async () => {
    const journal = await newJournal();
    const { folder, writer } = journal;
    for (const length of [10, 9_000, 20_000]) await append(writer, length);
    damage(folder, 'journal-0', (file) => file.writeUInt8(1, 2 * blockBytes + 100));
    assert.throws(() => read(journal), isDamage);
    assert.deepEqual(read(journal, 2), [3], 'not when the database has it');
    writer.close();

    const other = await newJournal();
    const length = Math.floor(maxPayloadBytes / 2) - blockBytes;
    for (let i = 0; i < 4; i++) await append(other.writer, length);
    damage(other.folder, 'journal-0', (file) => file.writeUInt8(99, 4 * blockBytes));
    assert.throws(() => read(other), isDamage);
    other.writer.close();
  });

  test('any flipped bit in what is known to be acknowledged is damage', async () => {
    const { file, salt } = await powerFailure();
    // The second record, which the third names.
    const [start, length] = [2 * blockBytes, 9_000];
    for (let bit = 8 * start; bit < 8 * (start + recordHeaderBytes + length); bit += bit % 5 === 0 ? 3 : 11) {
      const [at, mask] = [Math.floor(bit / 8), 1 << (bit % 8)];
      file.writeUInt8(file.readUInt8(at) ^ mask, at);
      assert.throws(() => acknowledgedRecords([file], salt, 0), isDamage);
      file.writeUInt8(file.readUInt8(at) ^ mask, at);
    }
    assert.equal(acknowledgedRecords([file], salt, 0).length, 5);
  });

  test('reports files that are gone, cut or of something else, unless nothing in them is needed', async () => {
    for (const name of journalNames) {
      const { folder, position, writer } = await newJournal();
      writer.close();
      const spoil = (how: () => void) => {
        how();
        assert.throws(() => readJournal(folder, position), isDamage);
        assert.equal(hasJournal(folder, position.id), false);
        assert.deepEqual(readJournal(folder, { ...position, salt: undefined }), []);
      };
      assert.ok(hasJournal(folder, position.id));
      spoil(() => damage(folder, name, (file) => file.write('something else')));
      spoil(() => writeFileSync(join(folder, name), 'short'));
      spoil(() => rmSync(join(folder, name)));
      assert.throws(() => readJournal(folder, { ...position, id: newPosition().id }), isDamage);
    }
  });

  test('knows whether it was used', async () => {
    const { folder, writer } = await newJournal();
    assert.equal(usedJournal(folder), undefined);
    assert.equal(usedJournal(root), undefined);
    await append(writer, 10);
    writer.close();
    assert.equal(usedJournal(folder), join(folder, journalNames[0]));
  });

  test('is not fooled by a payload that holds a record', async () => {
    const journal = await newJournal();
    await append(journal.writer, 10);
    // A whole record with the next number, but for the salt, at the start of a block inside a record that is then torn.
    const forged = Buffer.alloc(blockBytes, 7);
    sealRecord(forged, newPosition().id, { sequence: 2, confirmed: 1, payloadBytes: 10 });
    await journal.writer.append(2 * blockBytes, (payload) =>
      payload.fill(1).set(forged, blockBytes - recordHeaderBytes),
    );
    journal.writer.close();
    damage(journal.folder, 'journal-0', (file) => file.fill(0, 2 * blockBytes + 100, 2 * blockBytes + 200));
    assert.deepEqual(read(journal), [1]);
  });

  test('notices that a file of it is gone or was replaced while it is in use', async () => {
    const { folder, writer } = await newJournal();
    await writer.requireFiles();
    const path = join(folder, journalNames[1]);
    const content = readFileSync(path);
    rmSync(path);
    await assert.rejects(writer.requireFiles(), /ENOENT/);
    writeFileSync(path, content);
    await assert.rejects(writer.requireFiles(), /replaced/);
    writer.close();
  });
});
