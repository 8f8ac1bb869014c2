import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { OriginLog, startHlc } from '@grapevine/test/fixtures/origin-log.ts';
import { open } from 'lmdb';
import { Problems } from './fsck/problems.ts';
import { checkData, type FsckReport, fsck } from './fsck.ts';
import { nodeHeadVerifier } from './store/ed25519.ts';
import { fastTreeHash } from './store/fast-tree-hash.ts';
import type { KeyValueReader, Table } from './store/key-value.ts';
import { everything } from './store/keys.ts';
import type { CheckedSegment } from './store/log-store.ts';
import type { MemoryKeyValue } from './store/memory-key-value.ts';
import { MemoryLogStore } from './store/memory-log-store.ts';
import { openNodeStore } from './store/node-store.ts';

const pageBytes = 4096;
/** After the two that say where everything else is: one of them is an older state. */
const firstPage = 2;
const marker = 'the body that will be damaged';
const main = fileURLToPath(new URL('fsck-main.ts', import.meta.url));

/** Two origins with some of everything. */
function sampleSegments(): CheckedSegment[] {
  const late = new OriginLog('late', startHlc + 100_000n);
  const early = new OriginLog('early');
  const segments = [
    late.segment([
      { topic: 'a', idempotencyKey: 'x' },
      { topic: 'b', erased: true },
      { topic: 'c', idempotencyKey: 'x' },
    ]),
    early.segment([
      { topic: 'b', body: marker },
      { topic: 'a', idempotencyKey: 'x' },
    ]),
  ];
  for (let i = 0; i < 3; i++)
    segments.push(late.segment(Array.from({ length: 40 }, (_, k) => ({ topic: `t${k % 3}` }))));
  return segments;
}

/** Besides, enough messages to have the newest index records flushed to a run. */
function manySegments(): CheckedSegment[] {
  const other = new OriginLog('other');
  const many = Array.from({ length: 17 }, () => other.segment(Array.from({ length: 250 }, () => ({ erased: true }))));
  return [...sampleSegments(), ...many];
}

async function diskWith(segments: readonly CheckedSegment[]): Promise<MemoryKeyValue> {
  const store = await MemoryLogStore.open(fastTreeHash);
  for (const segment of segments) await store.log.commit([segment]);
  return store.disk;
}

function checkAll(data: KeyValueReader): { problems: string[]; origins: unknown[] } {
  const problems = new Problems();
  const reports = checkData(data, { hash: fastTreeHash, verifier: nodeHeadVerifier }, problems);
  return { problems: problems.list(), origins: reports.map(({ origin, size, root }) => [origin, size, root]) };
}

/** What is found wrong after one change to a sound store. */
async function problemsAfter(
  sound: MemoryKeyValue,
  table: Table,
  key: Uint8Array,
  value: Uint8Array | undefined,
): Promise<string[]> {
  const data = sound.copy();
  await data.write([{ table, key, value }]);
  return checkAll(data).problems;
}

describe('fsck of any store', () => {
  let sound: MemoryKeyValue;
  let large: MemoryKeyValue;
  before(async () => {
    sound = await diskWith(sampleSegments());
    large = await diskWith(manySegments());
  });

  test('finds nothing wrong with a sound one, and the same sizes and roots', () => {
    const heads = new Map(manySegments().map(({ segment }) => [segment.origin, segment.head]));
    const expected = [...heads.values()].map(({ origin, size, root }) => [origin, size, root.toHex()]).sort();
    assert.deepEqual(checkAll(large), { problems: [], origins: expected });
  });

  const random = new SeededRandom(11);
  for (const table of ['heads', 'origins', 'segments', 'tiles', 'topics', 'postings', 'runs'] as const) {
    test(`reports any flipped bit and any lost record in ${table}`, async () => {
      const disk = table === 'runs' ? large : sound;
      const pairs = [...disk.range(table, everything)];
      assert.ok(pairs.length > 0);
      for (let i = 0; i < (table === 'runs' ? 3 : 20); i++) {
        const [key, value] = pairs[random.below(pairs.length)] ?? [];
        if (key === undefined || value === undefined) continue;
        const bit = random.below(value.length * 8);
        const flipped = value.slice();
        flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
        assert.notDeepEqual(await problemsAfter(disk, table, key, flipped), [], `bit ${bit} of ${key.toHex()}`);
        assert.notDeepEqual(await problemsAfter(disk, table, key, undefined), [], `loss of ${key.toHex()}`);
      }
    });
  }

  test('reports records that should not be there', async () => {
    const [[hiddenKey] = []] = [...sound.range('hidden', everything)];
    const [[postingKey, posting] = []] = [...sound.range('postings', everything)];
    const [[tileKey, tile] = []] = [...sound.range('tiles', { ...everything, reverse: true })];
    assert.ok(hiddenKey && postingKey && posting && tileKey && tile);
    const next = (key: Uint8Array) => key.with(-1, (key.at(-1) ?? 0) + 1);
    assert.notDeepEqual(await problemsAfter(sound, 'hidden', hiddenKey, undefined), []);
    assert.notDeepEqual(await problemsAfter(sound, 'hidden', next(hiddenKey), new Uint8Array(0)), []);
    assert.notDeepEqual(await problemsAfter(sound, 'postings', next(postingKey), posting), []);
    assert.notDeepEqual(
      await problemsAfter(sound, 'tiles', tileKey, new Uint8Array([...tile, ...tile.subarray(0, 32)])),
      [],
    );
    assert.notDeepEqual(await problemsAfter(sound, 'topics', Uint8Array.of(0x7a), new Uint8Array(52)), []);
  });
});

describe('fsck of a data folder', () => {
  const root = mkdtempSync(join(tmpdir(), 'grapevine-fsck-'));
  after(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'sound');
  /** The same without any page that LMDB has left: how many those are depends on time, and damage to them does no harm. */
  const compact = join(root, 'compact');
  before(async () => {
    const store = await openNodeStore(folder);
    for (const segment of sampleSegments()) await store.log.commit([segment]);
    await store.close();
    cpSync(folder, compact, { recursive: true });
    rmSync(join(compact, 'db', 'data.mdb'));
    const environment = open(join(folder, 'db'), { readOnly: true });
    await environment.backup(join(compact, 'db'), true);
    await environment.close();
  });

  /** A copy of a data folder with one byte of the database changed. */
  function damagedCopy(name: string, offsetIn: (file: Buffer) => number, source = folder): string {
    const copy = join(root, name);
    cpSync(source, copy, { recursive: true });
    const path = join(copy, 'db', 'data.mdb');
    const file = readFileSync(path);
    const offset = offsetIn(file);
    file.writeUInt8(file.readUInt8(offset) ^ 0x10, offset);
    writeFileSync(path, file);
    return copy;
  }

  test('finds nothing wrong with a sound one, twice, and refuses one in use', async () => {
    assert.deepEqual((await fsck(folder)).problems, []);
    const store = await openNodeStore(folder);
    assert.match((await fsck(folder)).problems.join(), /Another process uses the data folder/);
    await store.close();
    assert.deepEqual((await fsck(folder)).problems, []);
  });

  test('names the segment of an entry with a flipped bit', async () => {
    const report = await runMain(damagedCopy('body', (file) => file.indexOf(marker)));
    assert.equal(report.code, 1);
    assert.match(report.problems.join('\n'), new RegExp(`Segment ${new OriginLog('early').id}/0`));
  });

  test('comes back with a report, or ends, whatever byte of the database is damaged', async () => {
    const random = new SeededRandom(5);
    const pages = statSync(join(compact, 'db', 'data.mdb')).size / pageBytes;
    let damaged = 0;
    for (let i = 0; i < 4; i++) {
      const page = firstPage + Math.floor((i * (pages - firstPage)) / 4);
      // The first bytes of a page say what it is and where things in it are.
      const copy = damagedCopy(`page ${page}`, () => page * pageBytes + random.below(64), compact);
      const { code, problems } = await runMain(copy);
      assert.ok(code === 0 ? problems.length === 0 : code !== 2);
      if (code !== 0) damaged += 1;
    }
    assert.ok(damaged > 0);
  });

  test('reports a folder without data, and one that is not there', async () => {
    assert.match((await fsck(join(root, 'nowhere'))).problems.join(), /Data folder/);
    assert.match((await fsck(root)).problems.join(), /Expected a database/);
  });
});

/** Exit code (null when a signal ended it) and what was reported. */
async function runMain(dataDir: string): Promise<{ code: number | null; problems: readonly string[] }> {
  const child = spawn(process.execPath, [main, dataDir], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (output === '') return { code, problems: [] };
  const report: FsckReport = JSON.parse(output);
  return { code, problems: report.problems };
}
