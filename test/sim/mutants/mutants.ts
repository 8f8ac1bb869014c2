/**
 * Ways to break the nodes' code, each of which must be noticed: by a sweep of the simulator under some faults, or by a file
 * of tests. What nobody would notice is not tested.
 */

import type { Mutant } from './mutant.ts';

const core = 'cluster-node/src/core';
const wire = 'cluster-node/src/wire';
const views = 'cluster-node/src/views';

export const mutants: readonly Mutant[] = [
  {
    name: 'advertises what is not flushed yet',
    patches: [
      {
        file: `${core}/replica.ts`,
        find: "      this.#effects.push({ type: 'commit', batch: batch.batch, segments: batch.segments });",
        replace:
          "      this.#effects.push({ type: 'commit', batch: batch.batch, segments: batch.segments });\n      this.#gossip.grew(this.flushed.apply(batch.segments), now.monotonicMs);",
      },
    ],
    caughtBy: { faults: ['slow-disk'] },
  },
  {
    name: 'acknowledges before the flush',
    patches: [
      {
        file: `${core}/replica.ts`,
        find: "      this.#effects.push({ type: 'commit', batch: batch.batch, segments: batch.segments });",
        replace:
          "      for (const { ticket, placements, acks, deadlineMs } of batch.placed) this.#acks.add({ ticket, placements, last: [{ origin: this.membership.self.origin, seq: placements.at(-1).seq }], acks, deadlineMs });\n      this.#effects.push({ type: 'commit', batch: batch.batch, segments: batch.segments });",
      },
    ],
    caughtBy: { faults: ['slow-disk'] },
  },
  {
    name: 'counts a peer as holder of what was sent to it',
    patches: [
      {
        file: `${core}/gossip.ts`,
        find: '      this.#speaker.answer(peer, message);',
        replace:
          '      this.#speaker.answer(peer, message);\n      const { vector: sent } = this.#ports.flushed;\n      this.knowledge.note(sender, peer.bootEpoch, [...sent].map(([origin, size]) => ({ origin, size })), sent);',
      },
    ],
    caughtBy: { faults: ['weather', 'slow-disk'] },
  },
  {
    name: "counts whoever speaks of another's log as a holder of all of it",
    patches: [
      {
        file: `${core}/peer-knowledge.ts`,
        find: 'peer !== origin && held >= size && isMember(peer)',
        replace: 'peer !== origin && isMember(peer)',
      },
    ],
    caughtBy: { faults: ['weather', 'slow-disk'] },
  },
  {
    name: 'writes before it knows whether its log is complete',
    patches: [
      {
        file: `${core}/amnesia-guard.ts`,
        find: '    this.#isOpen = !hasPeers;',
        replace: '    this.#isOpen = true;',
      },
    ],
    caughtBy: { faults: ['restore-backup'] },
  },
  {
    name: 'takes time for an answer when it waits for peers',
    patches: [
      {
        file: `${core}/amnesia-guard.ts`,
        find: 'this.#isOpen = ownSize >= this.#claimed && (allHeard || this.#isTimeUp);',
        replace: 'this.#isOpen = allHeard || this.#isTimeUp;',
      },
    ],
    caughtBy: { faults: ['restore-backup'] },
  },
  {
    name: 'uses sequence numbers again after a restart',
    patches: [
      {
        file: `${core}/writer.ts`,
        find: '    const firstSeq = this.#tips.size(origin);',
        replace: '    const firstSeq = this.ownSize ?? 0;\n    this.ownSize = firstSeq + drafts.length;',
      },
    ],
    caughtBy: { faults: ['crash'] },
  },
  {
    name: 'goes on from a commit that failed',
    patches: [{ file: `${core}/replica.ts`, find: '    this.#tips.rollBack();\n', replace: '' }],
    caughtBy: { faults: ['failing-disk'] },
  },
  {
    name: 'commits out of order',
    patches: [
      {
        file: `${core}/commit-pipeline.ts`,
        find: '    const segments = [...foreign, ...own];',
        replace: '    const segments = [...foreign, ...own].reverse();',
      },
    ],
    caughtBy: { faults: ['weather'] },
  },
  {
    name: 'takes a head that its origin has not signed',
    patches: [
      {
        file: `${core}/log-tips.ts`,
        find: '    if (!this.#verifier.verify(segment.head)) return',
        replace: '    if (this.#verifier === undefined) return',
      },
    ],
    caughtBy: { faults: ['tamper'] },
  },
  {
    name: 'takes entries that do not give the signed root',
    patches: [
      {
        file: `${core}/log-tips.ts`,
        find: '    if (!equalBytes(frontier.root(), segment.head.root)) return',
        replace: '    if (segment.head.root.length === 0) return',
      },
    ],
    caughtBy: { faults: ['tamper'] },
  },
  {
    name: 'takes segments that overlap',
    patches: [
      {
        file: `${core}/log-tips.ts`,
        find: "    if (segment.firstSeq < size) return { kind: 'refused', reason: 'overlap' };\n",
        replace: '',
      },
    ],
    caughtBy: { test: `${core}/log-tips.test.ts` },
  },
  {
    name: 'never answers a publish that too few nodes hold',
    patches: [
      {
        file: `${core}/acks.ts`,
        find: 'if (!acknowledged && nowMs < publish.deadlineMs && !this.#isClosed) return true;',
        replace: 'if (!acknowledged) return true;',
      },
    ],
    caughtBy: { test: 'cluster-node/src/node.test.ts' },
  },
  {
    name: 'dates entries by the wall clock alone',
    patches: [
      {
        file: 'shared/src/log/hlc.ts',
        find: 'const first = now > this.#last ? now : this.#last + 1n;',
        replace: 'const first = now;',
      },
    ],
    caughtBy: { faults: ['clock-jump'] },
  },
  {
    name: 'hides a repeated message by order of arrival',
    patches: [
      {
        file: `${views}/duplicates.ts`,
        find: 'compareMessages(carrier.entry, first.entry) < 0',
        replace: 'false',
      },
    ],
    caughtBy: { faults: ['partition'] },
  },
  {
    name: 'lets a token skip what arrives late',
    patches: [
      {
        file: `${views}/stored-views.ts`,
        find: '      if (seq > 0) vector.set(origin, seq);',
        replace: '      vector.set(origin, head.size);',
      },
    ],
    caughtBy: { faults: ['weather'] },
  },
  {
    name: 'shows a reader again what its token covers',
    patches: [
      {
        file: `${views}/stored-views.ts`,
        find: '.filter((place) => place >= seq)',
        replace: '.filter((place) => place >= firstSeq)',
      },
    ],
    caughtBy: { faults: ['weather'] },
  },
  {
    name: 'asks for fragments that it has, and not for the others',
    patches: [
      {
        file: `${wire}/fragments.ts`,
        find: 'fragmentBytes !== partial.fragmentBytes || !hasFragment(partial.have, offset / fragmentBytes)',
        replace: 'fragmentBytes !== partial.fragmentBytes || hasFragment(partial.have, offset / fragmentBytes)',
      },
    ],
    caughtBy: { faults: ['weather'] },
  },
  {
    name: 'holds unfinished segments without bound',
    patches: [
      {
        file: `${wire}/fragments.ts`,
        find: 'if (this.#heldBytes <= this.#maxBytes) break;',
        replace: 'if (this.#heldBytes >= 0) break;',
      },
    ],
    caughtBy: { test: `${wire}/fragments.test.ts` },
  },
  {
    name: 'takes a datagram as often as it comes',
    patches: [
      {
        file: `${wire}/seal.ts`,
        find: "if (known?.epoch === header.epoch && !known.window.isNew(header.counter)) return 'replayed';",
        replace: '',
      },
    ],
    caughtBy: { test: `${wire}/seal.test.ts` },
  },
  {
    name: 'uses a boot epoch again',
    patches: [
      {
        file: 'cluster-node/src/transport/boot-epoch.ts',
        find: 'Math.max(clock.wallMs(), readLast(path) + 1)',
        replace: 'Math.max(clock.wallMs(), readLast(path))',
      },
    ],
    caughtBy: { test: 'cluster-node/src/transport/boot-epoch.test.ts' },
  },
  {
    name: 'ignores the incarnation of a member record',
    patches: [
      {
        file: `${core}/member-record.ts`,
        find: '  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation;\n',
        replace: '',
      },
    ],
    caughtBy: { test: `${core}/membership.test.ts` },
  },
  {
    name: 'does not contradict whoever takes it for dead',
    patches: [
      {
        file: `${core}/membership.ts`,
        find: "    const isWrong = claim.state !== 'alive' || supersedes(claim, self);",
        replace: "    const isWrong = claim.state === 'left' && supersedes(claim, self);",
      },
    ],
    caughtBy: { test: `${core}/membership.test.ts` },
  },
  {
    name: 'serves an entry that is not what its id says',
    patches: [
      {
        file: `${views}/segment-cache.ts`,
        find: "if (record?.kind !== 'entry' || !equalBytes(this.#hash.leaf(record.bytes), kept)) {",
        replace: "if (record?.kind !== 'entry') {",
      },
    ],
    caughtBy: { test: 'cluster-node/src/damage/scrubber.test.ts' },
  },
  {
    name: 'calls lag a fork',
    patches: [
      {
        file: 'shared/src/log/compare-heads.ts',
        find: 'const rootB = sizeB === smaller ? b.root : ',
        replace: 'const rootB = sizeB >= smaller ? b.root : ',
      },
    ],
    caughtBy: { faults: ['slow-disk'] },
  },
  {
    name: 'mends with a segment that its origin has not signed',
    patches: [
      {
        file: 'cluster-node/src/damage/mend.ts',
        find: "if (!checks.verifier.verify(head)) throw refused(record, 'the signature of its head is not valid');",
        replace: '',
      },
    ],
    caughtBy: { test: 'cluster-node/src/damage/scrubber.test.ts' },
  },
  {
    name: 'leaves damaged segments in service',
    patches: [
      {
        file: 'cluster-node/src/damage/apply-finding.ts',
        find: "  batch.delete('segments', key);\n",
        replace: '',
      },
    ],
    caughtBy: { test: 'cluster-node/src/damage/repairs.test.ts' },
  },
  {
    name: 'takes the erased form of what others still have',
    patches: [
      {
        file: `${core}/erasure-guard.ts`,
        find: '    return ageMs > this.#smallestAgeMs || this.#hasWaited(segment.origin);',
        replace: '    return ageMs > Number.NEGATIVE_INFINITY || this.#hasWaited(segment.origin);',
      },
    ],
    caughtBy: { test: `${core}/erasure-guard.test.ts` },
  },
  {
    name: 'waits for peers that give nothing as for others',
    patches: [
      {
        file: `${core}/peer-paces.ts`,
        find: 'pace.slowUntilMs = isGood ? nowMs : nowMs + backOff * tookMs;',
        replace: 'pace.slowUntilMs = nowMs;',
      },
    ],
    caughtBy: { test: 'test/sim/silent-peer.test.ts' },
  },
  {
    name: 'loses touch with members that left and came back at once',
    patches: [
      {
        file: `${core}/membership.ts`,
        find: 'if (isGone(digest)) lost.push(digest);',
        replace: "if (digest.state === 'dead') lost.push(digest);",
      },
    ],
    caughtBy: { test: 'test/sim/regressions/regressions.test.ts' },
  },
  {
    name: 'shows nothing of bodies that a mended segment brings back',
    patches: [
      {
        file: 'cluster-node/src/damage/mend.ts',
        find: '  showReturned(batch, found);\n',
        replace: '',
      },
    ],
    caughtBy: { test: 'cluster-node/src/damage/scrubber.test.ts' },
  },
  {
    name: 'begins each digest of members where the last one began',
    patches: [
      {
        file: `${core}/dissemination.ts`,
        find: '      if (!isIn && looked > 0) break;\n',
        replace: '',
      },
    ],
    caughtBy: { test: 'test/sim/regressions/regressions.test.ts' },
  },
  {
    name: 'takes lists of as many members for equal',
    patches: [
      {
        file: `${core}/member-sums.ts`,
        find: 'sum = (sum + lifeOf(member)) >>> 0',
        replace: 'sum = sum + 1',
      },
    ],
    caughtBy: { test: `${core}/member-sums.test.ts` },
  },
  {
    name: 'sends nothing to whoever has all fragments of a longer form',
    patches: [
      {
        file: `${wire}/fragments.ts`,
        find: 'return missing.length === 0 ? fragments : missing;',
        replace: 'return missing;',
      },
    ],
    caughtBy: { test: 'test/sim/regressions/regressions.test.ts' },
  },
];
