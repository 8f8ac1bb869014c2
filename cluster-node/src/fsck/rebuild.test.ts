import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { OriginLog, startHlc } from '@grapevine/test/fixtures/origin-log.ts';
import { mend } from '../damage/mend.ts';
import { checkData, fsck } from '../fsck.ts';
import { DataDamage } from '../store/damage.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { nextLife, positionChange, readPosition } from '../store/journal-position.ts';
import type { Change, KeyValueReader, Table } from '../store/key-value.ts';
import { everything, seqKey } from '../store/keys.ts';
import { dataFile, LmdbKeyValue } from '../store/lmdb-key-value.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { MemoryKeyValue } from '../store/memory-key-value.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { databaseFolder, openNodeStore } from '../store/node-store.ts';
import { listQuarantined } from '../store/quarantine.ts';
import { Problems } from './problems.ts';
import { rebuild } from './rebuild.ts';
import { rebuildFolder } from './rebuild-folder.ts';

const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };

/** Erased entries, keys that several carry in either order of arrival, and more messages than one flush of the indexes has. */
function sampleSegments(): CheckedSegment[] {
  const late = new OriginLog('late', startHlc + 100_000n);
  const early = new OriginLog('early');
  const many = new OriginLog('many', startHlc + 10n);
  return [
    late.segment([
      { topic: 'a', idempotencyKey: 'x' },
      { topic: 'b', erased: true },
      { topic: 'c', idempotencyKey: 'x' },
      { topic: 'c', idempotencyKey: 'y' },
    ]),
    early.segment([{ topic: 'b' }, { topic: 'a', idempotencyKey: 'x' }, { topic: 'a', idempotencyKey: 'y' }]),
    early.segment(Array.from({ length: 40 }, (_, k) => ({ topic: `t${k % 3}` }))),
    late.segment([{ topic: 'd', idempotencyKey: 'y' }]),
    ...Array.from({ length: 17 }, () =>
      many.segment(Array.from({ length: 250 }, (_, k) => ({ topic: `t${k % 7}`, erased: k % 2 === 0 }))),
    ),
  ];
}

const early = new OriginLog('early').id;
const late = new OriginLog('late').id;

/** All that is the same on every node with these logs, and what only this one knows. Origins' numbers may be others. */
function contents(data: KeyValueReader): Record<string, string[]> {
  const tables = ['segments', 'tiles', 'topics', 'postings', 'hidden', 'quarantine', 'forks', 'retention'] as const;
  const dump = (table: Table, skipped = 0) =>
    Array.from(data.range(table, everything), ([k, v]) => `${k.toHex()} ${v.subarray(skipped).toHex()}`);
  return { ...Object.fromEntries(tables.map((table) => [table, dump(table)])), heads: dump('heads', 2) };
}

function flipped(value: Uint8Array, random: SeededRandom): Uint8Array {
  const bit = random.below(value.length * 8);
  return value.with(bit >>> 3, (value[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
}

function problemsOf(data: KeyValueReader): string[] {
  const problems = new Problems();
  checkData(data, checks, problems);
  return problems.list();
}

describe('a rebuild of any store', () => {
  let sound: MemoryKeyValue;
  before(async () => {
    const store = await MemoryLogStore.open(fastTreeHash);
    for (const segment of sampleSegments()) await store.log.commit([segment]);
    sound = store.disk;
    await sound.write([
      { table: 'forks', key: Uint8Array.of(1), value: Uint8Array.of(2) },
      { table: 'retention', key: Uint8Array.of(3), value: Uint8Array.of(4) },
    ]);
    assert.deepEqual(problemsOf(sound), []);
  });

  async function rebuilt(source: MemoryKeyValue): Promise<MemoryKeyValue> {
    const target = new MemoryKeyValue();
    await rebuild(source, target, { checks, nowMs: 7, onProgress: () => undefined });
    return target;
  }

  async function soundBut(changes: Change[]): Promise<MemoryKeyValue> {
    const data = sound.copy();
    await data.write(changes);
    return data;
  }

  for (const table of ['tiles', 'topics', 'postings', 'hidden', 'runs', 'heads', 'origins'] as const) {
    it(`makes good flipped bits, lost records and strangers in ${table}`, async () => {
      const random = new SeededRandom(3);
      const pairs = [...sound.range(table, everything)];
      const changes: Change[] = [];
      for (const [key, value] of pairs) {
        const chosen = random.below(4);
        if (chosen === 0) changes.push({ table, key, value: undefined });
        if (chosen === 1 && value.length > 0) changes.push({ table, key, value: flipped(value, random) });
        if (chosen === 2 && table === 'tiles') changes.push({ table, key, value: Buffer.concat([value, key]) });
        // A tile of possible length, beyond the end of the log.
        if (chosen === 2 && table === 'tiles') changes.push({ table, key: key.with(-2, 1), value: value.slice(0, 32) });
        if (chosen === 2 && table === 'topics') changes.push({ table, key: Buffer.concat([key, key]), value });
        if (table === 'hidden') changes.push({ table, key: key.with(-1, 0xff), value });
      }
      changes.push({ table, key: pairs[0]?.[0] ?? assert.fail(), value: undefined });
      const damaged = await soundBut(changes);
      assert.notDeepEqual(problemsOf(damaged), []);
      const result = await rebuilt(damaged);
      assert.deepEqual(problemsOf(result), []);
      assert.deepEqual(contents(result), contents(sound));
    });
  }

  it('leaves what a damaged segment showed as it is, so that a copy of it makes everything whole', async () => {
    for (const [origin, seq] of [
      [early, 0],
      [late, 0],
      [late, 4],
    ] as const) {
      const key = seqKey(origin, seq);
      const good = sound.get('segments', key) ?? assert.fail();
      const damaged = await soundBut([
        { table: 'segments', key, value: good.with(-1, (good.at(-1) ?? 0) ^ 1) },
        { table: 'topics', key: Buffer.from('a'), value: undefined },
      ]);
      const result = await rebuilt(damaged);
      assert.deepEqual(
        [...listQuarantined(result)].map(({ firstSeq, foundMs, mendedMs }) => ({ firstSeq, foundMs, mendedMs })),
        [{ firstSeq: seq, foundMs: 7, mendedMs: undefined }],
      );
      assert.deepEqual(
        problemsOf(result).filter(
          (problem) => !/in quarantine|cannot be read|Head of .* the last segment's/.test(problem),
        ),
        [],
      );
      const again = await rebuilt(result);
      assert.deepEqual(contents(again), contents(result));
      const store = await MemoryLogStore.open(fastTreeHash, again);
      await store.log.maintain((batch, indexes) => mend(batch, indexes, checks, { origin, firstSeq: seq }, good, 8));
      assert.deepEqual(problemsOf(again), []);
      assert.deepEqual({ ...contents(again), quarantine: [] }, contents(sound));
    }
  });

  it('does not guess where a log ends', async () => {
    const damaged = await soundBut([
      { table: 'segments', key: seqKey(early, 3), value: Uint8Array.of(1) },
      { table: 'heads', key: Buffer.from(early, 'hex'), value: undefined },
    ]);
    await assert.rejects(rebuilt(damaged), DataDamage);
  });
});

function databaseIn(dataDir: string): Buffer {
  return readFileSync(dataFile(databaseFolder(dataDir)));
}

describe('a rebuild of a data folder', () => {
  const root = mkdtempSync(join(tmpdir(), 'grapevine-rebuild-'));
  after(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'damaged');
  /** Of the sound store. */
  let expected: ReturnType<typeof contents>;

  before(async () => {
    const store = await openNodeStore(join(root, 'sound'));
    for (const segment of sampleSegments()) await store.log.commit([segment]);
    // As a killed node leaves it: the newest is in the journal only.
    cpSync(join(root, 'sound'), join(root, 'killed'), { recursive: true });
    expected = contents(store.log.flushed);
    await store.close();
    cpSync(join(root, 'sound'), folder, { recursive: true });
    const database = LmdbKeyValue.open(databaseFolder(folder), { readOnly: false });
    const lost: Change[] = (['tiles', 'topics', 'postings', 'hidden', 'runs'] as const).flatMap((table) =>
      Array.from(database.range(table, everything), ([key]) => ({ table, key: key.slice(), value: undefined })),
    );
    await database.write(lost.filter((_, i) => i % 3 === 0));
    await database.close();
    assert.notDeepEqual((await fsck(folder)).problems, []);
  });

  /** Fails unless the folder is what it was before it was damaged, also for a node. */
  async function requireWhole(dataDir: string): Promise<void> {
    assert.deepEqual((await fsck(dataDir)).problems, []);
    assert.ok(!existsSync(join(dataDir, 'db-rebuild')));
    const store = await openNodeStore(dataDir);
    assert.deepEqual(contents(store.log.flushed), expected);
    const next = new OriginLog('next').segment([{ topic: 'after' }]);
    await store.log.commit([next]);
    await store.close();
    assert.deepEqual((await fsck(dataDir)).problems, []);
  }

  it('takes in what is in the journal', async () => {
    await rebuildFolder(join(root, 'killed'), () => undefined);
    await requireWhole(join(root, 'killed'));
  });

  it('leaves at every moment a folder that it can go on with', async () => {
    const copies: string[] = [];
    const copy = join(root, 'copy');
    cpSync(folder, copy, { recursive: true });
    await rebuildFolder(copy, () => {
      const left = join(root, `left ${copies.length}`);
      cpSync(copy, left, { recursive: true });
      copies.push(left);
    });
    await requireWhole(copy);
    assert.ok(copies.length >= 3);
    for (const left of copies) {
      assert.ok(existsSync(join(left, 'db-rebuild', 'data.mdb')));
      // A node starts from it as well as it did before.
      assert.ok(databaseIn(left).equals(databaseIn(folder)));
      await rebuildFolder(left, () => undefined);
      await requireWhole(left);
    }
  });

  it('can be killed', async () => {
    const main = fileURLToPath(new URL('../fsck-main.ts', import.meta.url));
    const copy = join(root, 'killed midway');
    cpSync(folder, copy, { recursive: true });
    const child = spawn(process.execPath, [main, copy, '--rebuild'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    child.stdout.resume();
    await ended;
    await rebuildFolder(copy, () => undefined);
    await requireWhole(copy);
  });

  it('changes nothing when it cannot succeed', async () => {
    const copy = join(root, 'without journal');
    cpSync(folder, copy, { recursive: true });
    const database = LmdbKeyValue.open(databaseFolder(copy), { readOnly: false });
    const position = readPosition(database) ?? assert.fail();
    await database.write([positionChange(nextLife(position))]);
    await database.close();
    rmSync(join(copy, 'journal-0'));
    const before = databaseIn(copy);
    await assert.rejects(
      rebuildFolder(copy, () => undefined),
      /Expected the journal/,
    );
    assert.ok(!existsSync(join(copy, 'db-rebuild')));
    assert.ok(databaseIn(copy).equals(before));
  });
});
