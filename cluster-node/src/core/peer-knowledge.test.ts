import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PeerKnowledge } from './peer-knowledge.ts';

const peer = 'b'.repeat(32);
const [first, second] = ['1'.repeat(32), '2'.repeat(32)];

it('a peer that gave nothing is not counted on for what it had promised, but for what it said meanwhile', () => {
  const knowledge = new PeerKnowledge('a'.repeat(32));
  const say = (origin: string, size: number) => knowledge.note(peer, 1, [{ origin, size }], new Map());
  say(first, 5);
  say(second, 7);
  const promised = knowledge.aheadBy(peer);
  say(second, 8);
  knowledge.retract(peer, promised);
  assert.deepEqual([...knowledge.aheadBy(peer)], [[second, 8]]);
  assert.deepEqual(knowledge.aheadPeers(), [peer]);
  knowledge.retract(peer, knowledge.aheadBy(peer));
  assert.deepEqual(knowledge.aheadPeers(), []);
});

it('a node that lost its disk does not count twice as a holder', () => {
  const own = 'a'.repeat(32);
  const [before, now] = ['b'.repeat(32), 'c'.repeat(32)];
  const knowledge = new PeerKnowledge(own);
  for (const origin of [before, now]) knowledge.note(origin, 1, [{ origin: own, size: 3 }], new Map([[own, 3]]));
  assert.equal(
    knowledge.holders(3, (peer) => peer === now),
    1,
  );
});
