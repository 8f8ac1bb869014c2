import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMessage } from '../wire/codec.ts';
import { sealedOverheadBytes } from '../wire/limits.ts';
import { type Address, everyOrigin, type MemberDigest, type NodeMessage, type PullRequest } from '../wire/messages.ts';
import { maxAnswerBytes } from './answer.ts';
import { record } from './member.fixture.ts';
import { draft } from './origin.fixture.ts';
import { TestReplica, type TestReplicaOptions } from './replica.fixture.ts';

const attacker = record(66);

function request(budget: number, ...members: MemberDigest[]): PullRequest {
  const root = new Uint8Array(32);
  return { type: 'pull-request', requestId: 1, budget, range: everyOrigin, vector: [], root, partials: [], members };
}

/** Bytes on the wire. */
function bytesOf(messages: readonly { readonly message: NodeMessage }[]): number {
  return messages.reduce((sum, { message }) => sum + encodeMessage(message).length + sealedOverheadBytes, 0);
}

/** A replica that holds a mebibyte of messages. */
async function holder(options: Omit<TestReplicaOptions, 'index'> = {}): Promise<TestReplica> {
  const holder = await TestReplica.start({ index: 1, ...options });
  await holder.step({ type: 'wake' });
  for (let i = 0; i < 16; i++) await holder.publish(...Array.from({ length: 64 }, () => draft(1_000)));
  return holder;
}

describe('what a node sends because of one datagram', () => {
  for (const budget of [0, 10_000, 100_000, 2 ** 32 - 1]) {
    it(`is an answer within a budget of ${budget} bytes, to the address inside the seal`, async () => {
      const replica = await holder();
      const before = replica.sent.length;
      await replica.step({ type: 'message', sender: attacker.origin, message: request(budget, attacker) });
      const sent = replica.sent.slice(before).filter(({ message }) => message.type === 'pull-response');
      assert.ok(sent.length > 0);
      assert.ok(sent.every(({ to }) => to.host === attacker.udp.host && to.port === attacker.udp.port));
      // The last piece may go over the budget, and each datagram has a header.
      const mostBytes = Math.min(budget, maxAnswerBytes) * 1.15 + 2 * 1_400;
      assert.ok(bytesOf(sent) <= mostBytes, `${bytesOf(sent)} bytes, more than ${mostBytes}`);
    });
  }

  it('is nothing when its sender has not introduced itself', async () => {
    const replica = await holder();
    const before = replica.sent.length;
    for (const members of [[], [record(3)]]) {
      const message = request(100_000, ...members);
      const effects = await replica.step({ type: 'message', sender: attacker.origin, message });
      assert.deepEqual(
        effects.filter(({ type }) => type === 'send'),
        [],
      );
    }
    assert.equal(replica.sent.length, before);
  });

  it('is one datagram when members are asked for, to the address that the asker was met at, and nothing to others', async () => {
    const replica = await holder();
    const many = Array.from({ length: 40 }, (_, i) => record(100 + i));
    await replica.step({ type: 'message', sender: attacker.origin, message: request(0, attacker, ...many) });
    const question: NodeMessage = { type: 'members-request', requestId: 1, from: everyOrigin.from, sums: [0] };
    const sends = async (sender: string): Promise<readonly { to: Address; message: NodeMessage }[]> => {
      const effects = await replica.step({ type: 'message', sender, message: question });
      return effects.filter((effect) => effect.type === 'send');
    };
    const answers = await sends(attacker.origin);
    assert.deepEqual(
      answers.map(({ to, message }) => [to, message.type]),
      [[attacker.udp, 'members-response']],
    );
    assert.ok(bytesOf(answers) <= 1_400);
    assert.deepEqual(await sends(record(67).origin), []);
  });

  it('is nothing when it says that it is from a version that the node does not speak', async () => {
    const replica = await holder();
    const foreign = { ...attacker, versions: { lowest: 2, highest: 9 } };
    const message = request(100_000, foreign);
    const effects = await replica.step({ type: 'message', sender: attacker.origin, message });
    assert.ok(effects.every(({ type }) => type !== 'send'));
    const unread = await replica.step({ type: 'foreign-version', sender: attacker.origin, version: 9 });
    assert.deepEqual(unread, [
      { type: 'notice', notice: { kind: 'incompatible', origin: attacker.origin, version: 9 } },
    ]);
    assert.deepEqual(await replica.step({ type: 'foreign-version', sender: attacker.origin, version: 8 }), []);
  });
});

describe('in insecure mode', () => {
  const seed: Address = { host: '127.0.0.1', port: 7_999 };
  const isSeed = (to: Address): boolean => to.host === seed.host && to.port === seed.port;

  it('an address outside of the registry gets nothing, now or later, whatever it says', async () => {
    const replica = await holder({ seeds: [seed], changes: { seedsOnly: true, catchUpBytes: 1 } });
    const victims = Array.from({ length: 50 }, (_, i) => record(100 + i));
    const vector = [{ origin: '0d'.repeat(16), size: 1_000_000 }];
    for (const victim of victims) {
      await replica.step({ type: 'message', sender: victim.origin, message: { ...request(100_000, victim), vector } });
      await replica.step({ type: 'message', sender: victim.origin, message: { type: 'nudge', heads: vector } });
    }
    await replica.pass(30_000);
    await replica.publish(draft());
    await replica.pass(30_000);
    await replica.step({ type: 'leave' });
    assert.deepEqual(
      replica.sent.filter(({ to }) => !isSeed(to)),
      [],
    );
    assert.ok(replica.sent.length > 100, 'the seed is asked');
    assert.deepEqual(
      replica.effects.filter(({ type }) => type === 'catch-up' || type === 'contradicted'),
      [],
    );
  });

  it('a seed is answered', async () => {
    const replica = await holder({ seeds: [seed], changes: { seedsOnly: true } });
    const peer = record(2, { udp: seed });
    const effects = await replica.step({ type: 'message', sender: peer.origin, message: request(1_000, peer) });
    assert.ok(effects.some((effect) => effect.type === 'send' && effect.message.type === 'pull-response'));
  });
});
