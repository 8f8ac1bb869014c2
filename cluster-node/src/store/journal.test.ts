import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { createJournal, JournalWriter, maxPayloadBytes, readJournal } from './journal.ts';

const root = mkdtempSync(join(tmpdir(), 'grapevine-journal-'));
after(() => rmSync(root, { recursive: true }));

const names = ['journal-0', 'journal-1'];
const blockBytes = 4096;

function newJournal(): { folder: string; writer: JournalWriter } {
  const folder = mkdtempSync(join(root, 'j-'));
  createJournal(folder);
  return { folder, writer: new JournalWriter(folder, 0) };
}

/** Appends a payload of `length` times the record's own number. */
async function append(writer: JournalWriter, length: number): Promise<void> {
  const number = writer.newest + 1;
  await writer.append(length, (payload) => payload.fill(number));
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
    const { folder, writer } = newJournal();
    assert.deepEqual(readJournal(folder, 0), []);
    const lengths = [1, 0, 5000, blockBytes - 14, blockBytes - 13, 300_000];
    for (const length of lengths) await append(writer, length);
    const records = readJournal(folder, 0);
    assert.deepEqual(
      records.map(({ sequence, payload }) => [sequence, payload.length]),
      lengths.map((length, i) => [i + 1, length]),
    );
    assert.ok(records.every(({ sequence, payload }) => payload.every((byte) => byte === sequence)));
    assert.deepEqual(
      readJournal(folder, 4).map(({ sequence }) => sequence),
      [5, 6],
    );
    writer.close();
  });

  test('goes on in the other file, and over old records, and never loses one that is still needed', async () => {
    const { folder, writer } = newJournal();
    // Three to a file; applied follows two behind.
    const length = Math.floor(maxPayloadBytes / 3) - blockBytes;
    for (let number = 1; number <= 20; number++) {
      const blocking = writer.blockedBy(length);
      assert.ok(blocking <= Math.max(0, number - 4), `record ${number} would wait for ${blocking}`);
      await append(writer, length);
      const records = readJournal(folder, Math.max(0, number - 3));
      assert.deepEqual(
        records.map(({ sequence }) => sequence),
        [number - 2, number - 1, number].filter((sequence) => sequence > 0),
      );
    }
    writer.close();
  });

  test('is taken up again where it ended', async () => {
    const { folder, writer } = newJournal();
    for (let i = 0; i < 5; i++) await append(writer, 1000);
    writer.close();
    const again = new JournalWriter(folder, 5);
    for (let i = 0; i < 2; i++) await append(again, 10);
    again.close();
    assert.deepEqual(
      readJournal(folder, 5).map(({ sequence, payload }) => [sequence, payload[0]]),
      [
        [6, 6],
        [7, 7],
      ],
    );
  });

  test('takes a last record that is torn at any block for one that was never written', async () => {
    const { folder, writer } = newJournal();
    for (const length of [10, 9_000, 20_000]) await append(writer, length);
    writer.close();
    const starts = [1, 2, 5].map((block) => block * blockBytes);
    const whole = readFileSync(join(folder, 'journal-0'));
    for (let at = starts[2] ?? 0; at < (starts[2] ?? 0) + 20_000; at += blockBytes) {
      damage(folder, 'journal-0', (file) => {
        whole.copy(file);
        file.fill(0, at, at + blockBytes);
      });
      assert.equal(readJournal(folder, 0).length, 2);
    }
  });

  test('reports a damaged record that others follow, wherever they are', async () => {
    const { folder, writer } = newJournal();
    for (const length of [10, 9_000, 20_000]) await append(writer, length);
    damage(folder, 'journal-0', (file) => file.writeUInt8(1, 2 * blockBytes + 100));
    assert.throws(() => readJournal(folder, 0), isDamage);
    assert.equal(readJournal(folder, 2).length, 1, 'not when the database has it');
    writer.close();

    const other = newJournal();
    const length = Math.floor(maxPayloadBytes / 2) - blockBytes;
    for (let i = 0; i < 4; i++) await append(other.writer, length);
    damage(other.folder, 'journal-0', (file) => file.writeUInt8(99, 4 * blockBytes));
    assert.throws(() => readJournal(other.folder, 0), isDamage);
    other.writer.close();
  });

  test('reports files that are gone, cut or of something else', async () => {
    for (const name of names) {
      const { folder, writer } = newJournal();
      writer.close();
      damage(folder, name, (file) => file.write('something else'));
      assert.throws(() => readJournal(folder, 0), isDamage);
      writeFileSync(join(folder, name), 'short');
      assert.throws(() => readJournal(folder, 0), isDamage);
      rmSync(join(folder, name));
      assert.throws(() => readJournal(folder, 0), isDamage);
    }
  });

  test('is not fooled by a payload that holds a record', async () => {
    const { folder, writer } = newJournal();
    await append(writer, 10);
    // A whole record with the next number, but for the salt, at the start of a block inside a record that is then torn.
    const forged = Buffer.alloc(24, 7);
    forged.writeUIntBE(2, 0, 6);
    forged.writeUInt32BE(10, 6);
    forged.writeUInt32BE(crc32(forged.subarray(14), crc32(forged.subarray(0, 10))), 10);
    await writer.append(2 * blockBytes, (payload) => payload.fill(1).set(forged, blockBytes - 14));
    writer.close();
    damage(folder, 'journal-0', (file) => file.fill(0, 2 * blockBytes + 100, 2 * blockBytes + 200));
    assert.deepEqual(
      readJournal(folder, 0).map(({ sequence }) => sequence),
      [1],
    );
  });
});
