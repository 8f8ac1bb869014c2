import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { encodeMessage } from '../wire/codec.ts';
import { maxPayload } from '../wire/limits.ts';
import { everyOrigin, type MemberDigest, type MembersRequest, type MembersResponse } from '../wire/messages.ts';
import { membershipOf, record } from './member.fixture.ts';
import { MemberComparison } from './member-comparison.ts';
import type { Membership } from './membership.ts';

const random = new SeededRandom(1);
const all = Array.from({ length: 1_200 }, (_, i) => record(i + 1, { origin: random.bytes(16).toHex() }));
const [a, b] = [all[0] ?? record(1), all[1] ?? record(2)];

function sideOf(
  self: MemberDigest,
  others: readonly MemberDigest[],
): { membership: Membership; side: MemberComparison } {
  const membership = membershipOf(self, ...others.filter((other) => other !== self));
  return { membership, side: new MemberComparison(membership, 1_400) };
}

function isRequest(message: MembersRequest | MembersResponse | undefined): message is MembersRequest {
  return message?.type === 'members-request';
}

describe('a comparison of member lists', () => {
  it('brings everybody that the peer knows, page by page, 64 a round', () => {
    const [asking, answering] = [sideOf(a, [b]), sideOf(b, all)];
    // It knows enough others that the cluster is no small one.
    asking.membership.merge(all.slice(0, 20), b.origin, 0);
    const pages: number[] = [];
    for (let round = 0; round < 3; round++) {
      let question: ReturnType<MemberComparison['receive']> = asking.side.begin(b.origin);
      for (pages[round] = 0; isRequest(question); pages[round] = (pages[round] ?? 0) + 1) {
        assert.ok(encodeMessage(question).length <= maxPayload(1_400));
        const answer = answering.side.receive(question, a.origin);
        if (answer?.type !== 'members-response') break;
        assert.ok(encodeMessage(answer).length <= maxPayload(1_400));
        asking.membership.merge(answer.members, b.origin, 0);
        question = asking.side.receive(answer, b.origin);
      }
    }
    assert.equal(asking.membership.records().length, 1_200);
    assert.equal(pages[0], 64);
    assert.equal(pages[2], 0, 'equal lists are told by silence');
  });

  it('is none in a cluster of up to 16', () => {
    assert.equal(sideOf(a, all.slice(0, 16)).side.begin(b.origin), undefined);
    assert.ok(isRequest(sideOf(a, all.slice(0, 17)).side.begin(b.origin)));
  });

  it('goes on only after an answer to its last question, by whom it asked, and never in circles', () => {
    const { side } = sideOf(a, all.slice(0, 40));
    const question = side.begin(b.origin);
    assert.ok(isRequest(question));
    const answer: MembersResponse = {
      type: 'members-response',
      requestId: question.requestId,
      next: 'c'.repeat(32),
      members: [],
    };
    assert.equal(side.receive({ ...answer, requestId: question.requestId + 1 }, b.origin), undefined);
    assert.equal(side.receive(answer, 'ee'.repeat(16)), undefined);
    const further = side.receive(answer, b.origin);
    assert.ok(isRequest(further));
    assert.equal(further.from, answer.next);
    assert.equal(side.receive(answer, b.origin), undefined, 'an answer counts once');
    const back = { ...answer, requestId: further.requestId, next: '0b'.repeat(16) };
    assert.equal(side.receive(back, b.origin), undefined);
  });

  it('goes on in the next round where a page was lost, also with a peer that has nothing further on', () => {
    const { side } = sideOf(a, all.slice(0, 40));
    const question = side.begin(b.origin);
    assert.ok(isRequest(question));
    const next = 'c'.repeat(32);
    side.receive({ type: 'members-response', requestId: question.requestId, next, members: [] }, b.origin);
    const again = side.begin(b.origin);
    assert.ok(isRequest(again));
    assert.equal(again.from, next);
    const answer = sideOf(b, all.slice(0, 40)).side.receive(again, a.origin);
    assert.deepEqual(answer, { type: 'members-response', requestId: again.requestId, next: undefined, members: [] });
    assert.equal(side.receive(answer, b.origin), undefined);
    assert.equal(side.begin(b.origin)?.from, everyOrigin.from);
  });
});
