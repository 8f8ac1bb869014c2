/** A peer that holds the cluster's key, and so is asked for copies, sends what no origin wrote: over real sockets. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import type { RepairReport } from '@grapevine/shared/contracts/repair.ts';
import { identityHeader } from '@grapevine/shared/identity/identity.ts';
import { headBytes } from '@grapevine/shared/log/head.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { MemoryNode } from '@grapevine/test/fixtures/memory-node.ts';
import { peerAccess } from '@grapevine/test/fixtures/node-http.ts';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import { createRepairs } from '../damage/scrubber.fixture.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { seqKey } from '../store/keys.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { encodeSegment } from '../wire/segment.ts';
import { encodeFrames } from '../wire/segment-frames.ts';
import { peerSegments } from './peer-segments.ts';

const log = new OriginLog('alice');
const { segment: genuine } = log.segment([{}, {}]);
const later = log.segment([{}]).segment;
const liar = new OriginLog('mallory');

/** The genuine segment with one entry altered, and the head that goes with it, by the key of `signer`. */
function altered(signer: OriginLog): Uint8Array {
  const other = new OriginLog('alice');
  const { segment } = other.segment([{}, { body: 'another story' }]);
  const { publicKey, sign } = signer.signer;
  return encodeSegment({ ...segment, head: { ...segment.head, publicKey, signature: sign(headBytes(segment.head)) } });
}

const forgeries: Record<string, () => Uint8Array> = {
  'an altered entry, signed anew with another key': () => altered(liar),
  'an altered entry, signed by its origin too': () => altered(log),
  'a valid signature on the wrong root': () => {
    const head = { ...genuine.head, root: later.head.root };
    return encodeSegment({ ...genuine, head: { ...head, signature: log.signer.sign(headBytes(head)) } });
  },
  'a head without a signature': () =>
    encodeSegment({ ...genuine, head: { ...genuine.head, signature: new Uint8Array(64) } }),
};

/** Has a node that lost the first segment repair itself from a peer that answers with `bytes`. */
async function repairFrom(t: TestContext, bytes: Uint8Array) {
  const store = await MemoryLogStore.open(fastTreeHash);
  const writer = new OriginLog('alice');
  await store.log.commit([writer.segment([{}, {}])]);
  await store.log.commit([writer.segment([{}])]);
  const key = seqKey(log.id, 0);
  await store.disk.write([{ table: 'segments', key, value: undefined }]);
  const server = createServer((request, response) => {
    assert.ok(request.headers[identityHeader] !== undefined);
    response.end(encodeFrames([bytes]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close().closeAllConnections());
  const peer = new MemoryNode('node-2');
  peer.http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const source = peerSegments({ peers: () => [peer.member()], access: peerAccess, random: new SeededRandom(1) });
  const report: RepairReport = await createRepairs(store.log, source).repair({ dryRun: false });
  return { report, stored: store.disk.get('segments', key) };
}

for (const [what, forge] of Object.entries(forgeries)) {
  test(`${what} is refused, and nothing of it is stored`, async (t) => {
    const { report, stored } = await repairFrom(t, forge());
    const [damaged] = report.origins;
    assert.deepEqual([damaged?.state, damaged?.damaged, damaged?.mended], ['damaged', 1, 0]);
    assert.match(damaged?.left[0]?.why ?? '', /^Node node-2 sent something else: /);
    assert.equal(stored, undefined);
  });
}

test('what the origin wrote is taken', async (t) => {
  const { report, stored } = await repairFrom(t, genuine.bytes);
  assert.deepEqual([report.origins[0]?.state, stored], ['mended', genuine.bytes]);
});
