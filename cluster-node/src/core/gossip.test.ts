import assert from 'node:assert/strict';
import { it } from 'node:test';
import { everyOrigin, type NodeMessage, type PullRequest } from '../wire/messages.ts';
import type { ReplicaEffect } from './events.ts';
import { record } from './member.fixture.ts';
import { TestOrigin } from './origin.fixture.ts';
import { TestReplica } from './replica.fixture.ts';

it('says nothing of the log of who asks for it while more of it is on its way to the disk', async () => {
  const author = new TestOrigin(5);
  const { origin } = author.signer;
  const self = record(5, { origin });
  const { segment } = author.segment(3);
  const node = await TestReplica.start({ index: 1 });
  const now = { wallMs: 1_700_000_000_000, monotonicMs: node.nowMs };
  const tell = (message: NodeMessage): ReplicaEffect[] =>
    node.replica.step({ type: 'message', sender: origin, message }, now);
  const ask = (range: PullRequest['range'], size: number): ReplicaEffect[] => {
    const vector = [{ origin, size }];
    const root = new Uint8Array(32);
    return tell({ type: 'pull-request', requestId: 1, budget: 0, range, vector, root, partials: [], members: [self] });
  };
  const answersIn = (effects: readonly ReplicaEffect[]): NodeMessage[] =>
    effects.flatMap((effect) =>
      effect.type === 'send' && effect.message.type === 'pull-response' ? [effect.message] : [],
    );
  const ownLog = { from: origin, to: origin };
  const pull = ask(everyOrigin, 3).find(
    (effect) => effect.type === 'send' && effect.message.type === 'pull-request' && effect.message.budget > 0,
  );
  assert.ok(pull?.type === 'send' && pull.message.type === 'pull-request');
  const { requestId } = pull.message;
  const pieces = [{ kind: 'segment', bytes: segment.bytes } as const];
  const effects = tell({
    type: 'pull-response',
    requestId,
    index: 0,
    count: 1,
    more: false,
    vector: [],
    pieces,
    members: [],
  });
  const commit = effects.find(({ type }) => type === 'commit');
  assert.ok(commit?.type === 'commit', 'the segment is being written');

  // As after a restored backup.
  assert.deepEqual(answersIn(ask(ownLog, 0)), []);
  assert.equal(answersIn(ask(everyOrigin, 0)).length, 1, 'other questions are answered');
  node.replica.step({ type: 'committed', batch: commit.batch }, now);
  const [answer] = answersIn(ask(ownLog, 0));
  assert.deepEqual(answer?.type === 'pull-response' && answer.vector, [{ origin, size: 3 }]);
});
