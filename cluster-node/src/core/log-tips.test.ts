import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { decodeSegment, encodeSegment, type Segment } from '../wire/segment.ts';
import { draft, TestOrigin, tipsOver } from './origin.fixture.ts';

/** The segment with some of its fields changed, as a peer could send it. */
function altered(segment: Segment, changes: Partial<Segment>): Segment {
  return decodeSegment(encodeSegment({ ...segment, ...changes }));
}

const peer = '0b'.repeat(16);

describe('log tips', () => {
  it('extend a log by segments that continue it, and know what is there', () => {
    const origin = new TestOrigin(1);
    const first = origin.segment(3).segment;
    const second = origin.segment(2).segment;
    const tips = tipsOver();
    assert.equal(tips.extend(second, peer).kind, 'early');
    assert.equal(tips.extend(first, peer).kind, 'extended');
    assert.equal(tips.extend(first, peer).kind, 'known');
    assert.equal(tips.extend(second, peer).kind, 'extended');
    assert.equal(tips.size(origin.signer.origin), 5);
  });

  it('take nothing of a log that is held, and then go on with what has taken its place', async () => {
    const [one, other] = [new TestOrigin(1), new TestOrigin(1)];
    const [common, next] = [one.segment(3), one.segment(2)];
    other.segment(3);
    const [branch, further] = [other.write(draft(20))[0] ?? assert.fail(), other.segment(2)];
    const store = await MemoryLogStore.open(fastTreeHash);
    await store.log.commit([common, next]);
    const tips = tipsOver(store.log);
    tips.hold(one.signer.origin);
    assert.equal(tips.extend(one.segment().segment, peer).kind, 'early');
    const replaced = await MemoryLogStore.open(fastTreeHash);
    await replaced.log.commit([common, branch]);
    const [head] = replaced.log.heads();
    const after = tipsOver(replaced.log);
    after.hold(one.signer.origin);
    after.replace(one.signer.origin, head);
    assert.equal(after.extend(further.segment, peer).kind, 'extended');
    after.replace(one.signer.origin, undefined);
    assert.equal(after.extend(common.segment, peer).kind, 'extended');
  });

  it('hand on what the store needs: entries, ids and completed nodes', () => {
    const checked = new TestOrigin(1).segment(4);
    const extension = tipsOver().extend(checked.segment, peer);
    assert.equal(extension.kind, 'extended');
    assert.deepEqual(extension.kind === 'extended' && extension.checked, checked);
    assert.deepEqual(
      checked.nodes.map(({ level, hashes }) => [level, hashes.length / 32]),
      [
        [0, 4],
        [1, 2],
        [2, 1],
      ],
    );
  });

  it('refuse what the origin did not sign', () => {
    const { segment } = new TestOrigin(1).segment();
    const signature = segment.head.signature.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
    const forged = altered(segment, { head: { ...segment.head, signature } });
    assert.deepEqual(tipsOver().extend(forged, peer), { kind: 'refused', reason: 'bad-signature' });
  });

  it('refuse a head signed by another key than the origin is named after', () => {
    const { segment } = new TestOrigin(1).segment();
    const other = new TestOrigin(2).segment().segment;
    const { publicKey, signature } = other.head;
    const forged = altered(segment, { head: { ...segment.head, publicKey, signature } });
    assert.deepEqual(tipsOver().extend(forged, peer), { kind: 'refused', reason: 'bad-signature' });
  });

  it('refuse entries that a relay changed', () => {
    const { segment } = new TestOrigin(1).segment();
    const bytes = segment.bytes.slice();
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    assert.deepEqual(tipsOver().extend(decodeSegment(bytes), peer), { kind: 'refused', reason: 'bad-root' });
  });

  it('refuse entries that say another place than theirs', () => {
    const origin = new TestOrigin(1);
    const moved = altered(origin.segment(2).segment, { records: origin.segment(2).segment.records });
    assert.deepEqual(tipsOver().extend(moved, peer), { kind: 'refused', reason: 'bad-content' });
  });

  it('refuse a segment that starts in the middle of what is there', () => {
    const origin = new TestOrigin(1);
    const tips = tipsOver();
    tips.extend(origin.segment(3).segment, peer);
    const twin = new TestOrigin(1);
    twin.segment(1);
    assert.deepEqual(tips.extend(twin.segment(5).segment, peer), { kind: 'refused', reason: 'overlap' });
  });

  it('refuse another history of the same origin', () => {
    const tips = tipsOver();
    tips.extend(new TestOrigin(1).segment(2).segment, peer);
    const twin = new TestOrigin(1);
    twin.write(draft(11), draft(12));
    assert.deepEqual(tips.extend(twin.segment().segment, peer), { kind: 'refused', reason: 'bad-root' });
  });

  it('leave a segment that lacks bodies for no good reason, and take it in full', () => {
    const { segment, leafHashes } = new TestOrigin(1).segment(2);
    const leafHash = leafHashes.slice(0, 32);
    const erased = altered(segment, { records: [{ kind: 'erased', leafHash }, ...segment.records.slice(1)] });
    assert.equal(tipsOver(undefined, true).extend(erased, peer).kind, 'extended');
    const tips = tipsOver(undefined, false);
    assert.equal(tips.extend(erased, peer).kind, 'withheld');
    assert.equal(tips.size(segment.origin), 0);
  });

  it('go back to what is flushed', () => {
    const origin = new TestOrigin(1);
    const tips = tipsOver();
    tips.extend(origin.segment().segment, peer);
    tips.rollBack();
    assert.equal(tips.size(origin.signer.origin), 0);
  });
});
