import assert from 'node:assert/strict';
import test from 'node:test';
import { repairReportSchema } from '@grapevine/shared/contracts/repair.ts';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import { codeOf, TestNode, vouched } from '@grapevine/test/fixtures/node-http.ts';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import { createRepairs, segmentsOf } from '../damage/scrubber.fixture.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { seqKey } from '../store/keys.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';

test('what a store has lost is mended, and the answer tells of it', async () => {
  await using node = await TestNode.start();
  const alice = new OriginLog('alice');
  const segment = alice.segment([{}, {}]);
  const [store, peer] = [await MemoryLogStore.open(fastTreeHash), await MemoryLogStore.open(fastTreeHash)];
  for (const { log } of [store, peer]) await log.commit([segment]);
  await store.disk.write([{ table: 'segments', key: seqKey(alice.id, 0), value: undefined }]);
  node.service.repairs = createRepairs(store.log, segmentsOf(peer.log));
  const states: unknown[] = [];
  for (const dryRun of [true, false, false]) {
    const answer = await node.post('/v1/repair', { dryRun });
    assert.equal(answer.status, 200, answer.text);
    const { origins, ...report } = repairReportSchema.parse(answer.body);
    assert.deepEqual(report, { node: 'node-1', dryRun, complete: true });
    states.push(origins.map(({ state, damaged, mended }) => [state, damaged, mended]));
  }
  assert.deepEqual(states, [[['damaged', 1, 0]], [['mended', 1, 1]], [['sound', 0, 0]]]);
});

test('only who may administer the cluster has a node repaired', async () => {
  await using node = await TestNode.start();
  const answer = await node.post('/v1/repair', {}, vouched(['messages:read', 'messages:write', 'cluster:read']));
  assert.deepEqual([answer.status, codeOf(answer)], [403, 'FORBIDDEN']);
  assert.match(problemSchema.parse(answer.body).detail, /cluster:admin/);
  assert.equal((await node.post('/v1/repair', {}, vouched(['cluster:admin']))).status, 200);
});

test('a log or a peer that does not exist is 404, what makes no sense 400', async () => {
  await using node = await TestNode.start();
  for (const [body, status, code, detail] of [
    [{ origin: 'ab'.repeat(16) }, 404, 'NOT_FOUND', /holds nothing of origin abab/],
    [{ from: 'node-9' }, 404, 'NOT_FOUND', /no member "node-9"/],
    [{ from: 'node-1' }, 400, 'INVALID_ARGUMENT', /cannot be mended from itself/],
    [{ from: 'A B' }, 400, 'INVALID_ARGUMENT', /from: expected a node name/],
    [{ origin: 'x' }, 400, 'INVALID_ARGUMENT', /origin: expected 32/],
    [{ dryrun: true }, 400, 'INVALID_ARGUMENT', /dryrun/],
    [[], 400, 'INVALID_ARGUMENT', /request: expected an object/],
    ['{', 400, 'INVALID_JSON', /./],
    ['', 400, 'INVALID_JSON', /found none/],
    [{ from: 'x'.repeat(8_000) }, 413, 'PAYLOAD_TOO_LARGE', /larger than 4096 bytes/],
  ] as const) {
    const answer = await node.post('/v1/repair', body);
    assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
    assert.match(problemSchema.parse(answer.body).detail, detail);
  }
  const text = await node.post('/v1/repair', 'all', { 'content-type': 'text/plain' });
  assert.deepEqual([text.status, codeOf(text)], [415, 'UNSUPPORTED_MEDIA_TYPE']);
  assert.equal((await node.get('/v1/repair')).status, 405);
});
