import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { memberBytes } from '../wire/limits.ts';
import { everyOrigin, type MemberDigest } from '../wire/messages.ts';
import { record } from './member.fixture.ts';
import { differingMembers, memberSums } from './member-sums.ts';

/** With origins as real ones are spread. */
function members(count: number): MemberDigest[] {
  const random = new SeededRandom(count);
  return Array.from({ length: count }, (_, i) => record(i + 1, { origin: random.bytes(16).toHex() }));
}

/** Every record that a requester with `theirs` is given by `mine`, and how many pages it took. */
function allPages(theirs: readonly MemberDigest[], mine: readonly MemberDigest[], limit = 255, maxBytes = 1_300) {
  const given: MemberDigest[] = [];
  const sums = memberSums(theirs);
  let pages = 0;
  for (let from: string | undefined = everyOrigin.from; from !== undefined; pages++) {
    const page = differingMembers({ from, sums }, mine, limit, maxBytes);
    assert.ok(page.members.length <= limit);
    assert.ok(page.members.reduce((sum, member) => sum + memberBytes(member), 0) <= maxBytes);
    assert.ok(page.next === undefined || page.next > from, 'each page ends further on');
    given.push(...page.members);
    from = page.next;
  }
  return { given, pages };
}

describe('sums of a member list', () => {
  const all = members(300);

  it('are the same in whatever order, with whatever heartbeats, and with or without those that are gone', () => {
    const beating = all.map((member) => ({ ...member, heartbeat: 9, incarnation: 4, state: 'suspect' as const }));
    assert.deepEqual(memberSums(beating.toReversed()), memberSums(all));
    const [first, ...rest] = all;
    assert.ok(first !== undefined);
    const gone = [{ ...first, state: 'dead' as const }, ...rest];
    assert.deepEqual(memberSums(gone), memberSums(rest));
    assert.notDeepEqual(memberSums(gone), memberSums(all));
  });

  it('grow in number with the list, to 64', () => {
    const counts = [1, 16, 17, 32, 300, 1_000, 4_096].map((count) => memberSums(members(count)).length);
    assert.deepEqual(counts, [1, 1, 2, 2, 32, 64, 64]);
  });

  it('differ after a restart, in one part', () => {
    const [first, ...rest] = all;
    assert.ok(first !== undefined);
    const sums = memberSums(all);
    const changed = memberSums([{ ...first, bootEpoch: first.bootEpoch + 1 }, ...rest]);
    assert.equal(changed.filter((sum, i) => sum !== sums[i]).length, 1);
  });
});

describe('what a peer is given of a member list', () => {
  const all = members(300);

  it('is nothing when the lists are equal', () => {
    assert.deepEqual(allPages(all, all), { given: [], pages: 1 });
  });

  it('is one part when one member is missing, and all when all but one are', () => {
    const { given, pages } = allPages(all.slice(1), all);
    assert.ok(given.some(({ origin }) => origin === all[0]?.origin));
    assert.ok(given.length < 30 && pages <= 2, `${given.length} records in ${pages} pages`);
    const origins = new Set(allPages(all.slice(0, 1), all).given.map(({ origin }) => origin));
    assert.equal(origins.size, 300);
  });

  it('keeps to its bounds, and gives each once, however small the pages', () => {
    for (const [limit, maxBytes] of [
      [1, 1_300],
      [7, 200],
      [255, 24_000],
    ] as const) {
      const { given } = allPages([], all, limit, maxBytes);
      assert.equal(new Set(given).size, given.length);
      assert.equal(given.length, 300);
    }
  });

  it('leaves out who fits no datagram, and goes on', () => {
    const host = 'h'.repeat(253);
    const [first, ...rest] = members(40);
    assert.ok(first !== undefined);
    const long = { ...first, udp: { host, port: 1 }, http: { host, port: 1 } };
    const { given } = allPages([], [long, ...rest], 255, 500);
    assert.deepEqual(new Set(given), new Set(rest));
  });

  it('has those that are gone as well, for the other may take them for alive', () => {
    const [first, ...rest] = all;
    assert.ok(first !== undefined);
    const dead = { ...first, state: 'dead' as const };
    assert.ok(allPages(all, [dead, ...rest]).given.includes(dead));
  });
});
