/**
 * The exact bytes of segments and of everything that a node keeps. A failure here means that data folders of the version
 * before cannot be read any more, or not by each other: raise the version byte or the schema version, or take the change
 * back.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { noteFork } from '@grapevine/cluster-node/forks/fork-log.ts';
import { startAnew, writeAgeCursor, writeCut } from '@grapevine/cluster-node/retention/progress.ts';
import { changesLength, decodeChanges, encodeChanges } from '@grapevine/cluster-node/store/changes.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import {
  emptyFile,
  idBytes,
  paddedLength,
  recordHeaderBytes,
  saltBytes,
  sealRecord,
} from '@grapevine/cluster-node/store/journal-format.ts';
import { positionChange } from '@grapevine/cluster-node/store/journal-position.ts';
import { type Change, tables } from '@grapevine/cluster-node/store/key-value.ts';
import { everything } from '@grapevine/cluster-node/store/keys.ts';
import { MemoryLogStore } from '@grapevine/cluster-node/store/memory-log-store.ts';
import { putQuarantined } from '@grapevine/cluster-node/store/quarantine.ts';
import { decodeSegment } from '@grapevine/cluster-node/wire/segment.ts';
import type { Fork } from '@grapevine/shared/contracts/node-api.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { z } from 'zod';
import { OriginLog, startHlc } from '../fixtures/origin-log.ts';

const file = new URL('disk.json', import.meta.url);
const hex = z.string().regex(/^([0-9a-f]{2})*$/);
const schema = z.strictObject({
  segment: hex,
  tables: z.record(z.enum(tables), z.record(hex, hex)),
  journalled: hex,
  journal: z.record(z.string(), hex),
});

async function observed(): Promise<z.infer<typeof schema>> {
  const late = new OriginLog('late', startHlc + 100n);
  const early = new OriginLog('early');
  const first = late.segment([
    { topic: 'a' },
    { topic: 'b', idempotencyKey: 'k' },
    { topic: 'a', erased: true },
    { topic: 'a', author: 'bob', body: 'ü' },
  ]);
  const store = await MemoryLogStore.open(fastTreeHash);
  await store.log.commit([first]);
  await store.log.commit([late.segment([{ topic: 'a' }]), early.segment([{ topic: 'a', idempotencyKey: 'k' }])]);
  // Enough more to have the newest index records flushed to runs.
  for (let i = 0; i < 17; i++) {
    await store.log.commit([early.segment(Array.from({ length: 256 }, () => ({ topic: 'many', erased: true })))]);
  }
  const stretch = { origin: early.id, firstSeq: 5, endSeq: 7, foundMs: 1_700_000_000_000, mendedMs: undefined };
  const damage = { ...stretch, reason: 'Ü', bytes: Uint8Array.of(1, 2, 3) };
  await store.log.maintain((batch) => putQuarantined(batch, damage));
  await store.log.maintain((batch) => {
    startAnew(batch, new Uint8Array(32).fill(7), 1_700_000_000_000, false);
    writeAgeCursor(batch, 3_600, early.id, 256);
    writeCut(batch, 'a', { hlc: startHlc, origin: early.id, seq: 5 });
  });
  await store.log.maintain((batch) => noteFork(batch, someFork(early.id)));
  const kept = (table: (typeof tables)[number]) => [...store.disk.range(table, everything)];
  const changes: Change[] = [...kept('heads').map(([key, value]) => ({ table: 'heads', key, value }) as const)];
  changes.push({ table: 'topics', key: Uint8Array.of(0x61), value: undefined });
  const journalled = Buffer.alloc(changesLength(changes));
  encodeChanges(changes, journalled);
  // Large and of one kind: the first of each are enough.
  const few = (table: (typeof tables)[number]) => (['segments', 'tiles', 'runs'].includes(table) ? 2 : 100);
  const dump = tables.map((table) => {
    const pairs = kept(table).slice(0, few(table));
    return [table, Object.fromEntries(pairs.map(([key, value]) => [toHex(key), toHex(value.subarray(0, 1024))]))];
  });
  return {
    segment: toHex(first.segment.bytes),
    tables: Object.fromEntries(dump),
    journalled: toHex(journalled),
    journal: journalBytes(),
  };
}

function someFork(origin: string): Fork {
  const [root, id, signature] = ['01'.repeat(32), '02'.repeat(32), '03'.repeat(64)];
  const head = { origin, size: 9, root, hlc: '0'.repeat(16), publicKey: '04'.repeat(32), signature };
  const own = { head, root, path: [root], id };
  const other = { ...own, id: '05'.repeat(32) };
  const times = { foundMs: 1_700_000_000_000, seenMs: 1_700_000_000_001, endedMs: null };
  return { origin, seq: 5, size: 8, own, other, peer: 'node-2', ...times };
}

/** The journal's parts, with ids and salts that are random elsewhere. */
function journalBytes(): Record<string, string> {
  const [id, salt] = [new Uint8Array(idBytes).fill(1), new Uint8Array(saltBytes).fill(2)];
  const payload = Buffer.from('payload');
  const record = Buffer.alloc(paddedLength(payload.length));
  payload.copy(record, recordHeaderBytes);
  sealRecord(record, salt, { sequence: 7, confirmed: 6, payloadBytes: payload.length });
  const open = positionChange({ applied: 5, id, salt });
  const closed = positionChange({ applied: 5, id, salt: undefined });
  return {
    file: toHex(emptyFile(id).subarray(0, 36)),
    record: toHex(record.subarray(0, recordHeaderBytes + payload.length)),
    positionInUse: toHex(open.value ?? new Uint8Array(0)),
    positionClosed: toHex(closed.value ?? new Uint8Array(0)),
  };
}

test('segments, tables and journalled changes have the bytes that they always had', async () => {
  const now = await observed();
  const golden = schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  assert.deepEqual(now, golden);
});

test('golden segment and changes can be read', () => {
  const golden = schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const segment = decodeSegment(Uint8Array.fromHex(golden.segment));
  assert.deepEqual(
    segment.records.map(({ kind }) => kind),
    ['entry', 'entry', 'erased', 'entry'],
  );
  const changes = decodeChanges(Uint8Array.fromHex(golden.journalled));
  assert.deepEqual(
    changes.map(({ table, value }) => [table, value?.length]),
    [
      ['heads', 144],
      ['heads', 144],
      ['topics', undefined],
    ],
  );
});
