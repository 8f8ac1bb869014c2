import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everyOrigin, type NodeMessage, type PullRequest } from '../wire/messages.ts';
import type { VersionRange } from '../wire/version.ts';
import { draft } from './origin.fixture.ts';
import { TestReplica, type TestReplicaOptions } from './replica.fixture.ts';

/** Replicas that reach each other at once; what goes to an address where none is, or to a stopped one, is lost. */
class TestNetwork {
  readonly replicas: TestReplica[] = [];
  readonly stopped = new Set<TestReplica>();
  /** Messages that were delivered. */
  readonly delivered: { readonly to: TestReplica; readonly message: NodeMessage; readonly version: number }[] = [];

  async start(options: TestReplicaOptions): Promise<TestReplica> {
    const seeds = this.replicas.slice(0, 1).map(({ self }) => self.udp);
    const replica = await TestReplica.start({ seeds, ...options });
    replica.nowMs = this.replicas[0]?.nowMs ?? replica.nowMs;
    this.replicas.push(replica);
    return replica;
  }

  /** Lets time pass for all that run, in steps of 10 ms. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      for (const replica of this.replicas) {
        replica.nowMs += 10;
        if (!this.stopped.has(replica) && replica.replica.wakeAtMs <= replica.nowMs)
          await replica.step({ type: 'wake' });
      }
      await this.deliver();
    }
  }

  /** Delivers until nothing is under way any more. */
  async deliver(): Promise<void> {
    for (let moved = true; moved; ) {
      moved = false;
      for (const from of this.replicas) {
        const sent = from.sent;
        from.effects.length = 0;
        for (const { to, message, version } of sent) {
          const receiver = this.replicas.findLast(({ self }) => self.udp.port === to.port);
          if (receiver === undefined || receiver === from || this.stopped.has(receiver)) continue;
          moved = true;
          const { lowest, highest } = receiver.self.versions;
          this.delivered.push({ to: receiver, message, version });
          const sender = from.signer.origin;
          const isUnderstood = version >= lowest && version <= highest;
          await receiver.step(
            isUnderstood ? { type: 'message', sender, message } : { type: 'foreign-version', sender, version },
          );
        }
      }
    }
  }
}

const emptyRequest: PullRequest = {
  type: 'pull-request',
  requestId: 1,
  budget: 0,
  range: everyOrigin,
  vector: [],
  root: new Uint8Array(32),
  partials: [],
  members: [],
};

const stateOf = (replica: TestReplica, name: string): string | undefined =>
  replica.replica.members().find((member) => member.name === name)?.state;

async function cluster(count: number): Promise<{ network: TestNetwork; replicas: readonly TestReplica[] }> {
  const network = new TestNetwork();
  for (let index = 1; index <= count; index++) await network.start({ index });
  await network.pass(2_000);
  return { network, replicas: network.replicas };
}

describe('a process that another one has taken the place of', () => {
  /** Starts a copy of `original` at another address, as from a copied data folder; peers then refuse the original's datagrams. */
  async function copyOf(network: TestNetwork, original: TestReplica): Promise<TestReplica> {
    const copy = await network.start({
      index: 1,
      seeds: network.replicas.slice(1, 2).map(({ self }) => self.udp),
      self: { bootEpoch: 2_000, udp: { host: '127.0.0.1', port: 7_301 } },
    });
    assert.equal(copy.signer.origin, original.signer.origin);
    return copy;
  }

  it('hears of it when it wakes up, and writes nothing more, not even what it had taken', async () => {
    const { network, replicas } = await cluster(3);
    const [original] = replicas;
    assert.ok(original !== undefined);
    network.stopped.add(original);
    await copyOf(network, original);
    await network.pass(5_000);
    network.stopped.delete(original);
    // What its clients had sent while it was stopped is read before anything from its peers.
    const effects = await original.publish(draft());
    assert.deepEqual(
      effects.filter(({ type }) => type === 'commit' || type === 'settled'),
      [],
    );
    await network.pass(5_000);
    assert.notEqual(original.replica.membership.superseded, undefined);
    assert.equal(original.replica.mayWrite, false);
    assert.equal(original.replica.flushed.size(original.signer.origin), 0);
    const [refused] = (await original.publish(draft())).filter(({ type }) => type === 'rejected');
    assert.match(JSON.stringify(refused), /superseded.*a process that started later/);
  });

  it('is not reassured by what its peers had sent before, and waited in its socket', async () => {
    const { network, replicas } = await cluster(3);
    const [original, ...others] = replicas;
    assert.ok(original !== undefined);
    network.stopped.add(original);
    await network.pass(5_000);
    await original.publish(draft());
    for (const other of others) {
      const message = { ...emptyRequest, members: [other.self] };
      await original.step({ type: 'message', sender: other.signer.origin, message });
    }
    assert.equal(original.replica.mayWrite, false);
    assert.equal(original.replica.flushed.size(original.signer.origin), 0);
  });

  it('refuses what waited in its queue', async () => {
    const { network, replicas } = await cluster(2);
    const [original] = replicas;
    assert.ok(original !== undefined);
    network.stopped.add(original);
    await network.pass(5_000);
    network.stopped.delete(original);
    await original.publish(draft());
    assert.ok(original.replica.queueBytes > 0);
    const later = { ...original.self, bootEpoch: 2_000 };
    const pull = original.sent.find(({ message }) => message.type === 'pull-request')?.message;
    assert.ok(pull?.type === 'pull-request');
    const sender = replicas[1]?.signer.origin ?? '';
    const effects = await original.step({ type: 'message', sender, message: { ...pull, members: [later] } });
    assert.ok(effects.some((effect) => effect.type === 'rejected' && effect.why === 'superseded'));
    assert.ok(effects.some((effect) => effect.type === 'notice' && effect.notice.kind === 'superseded'));
  });
});

describe('a process that was stopped for a while', () => {
  it('writes again as soon as its peers have been heard, and loses nothing meanwhile', async () => {
    const { network, replicas } = await cluster(3);
    const [sleeper] = replicas;
    assert.ok(sleeper?.replica.mayWrite);
    network.stopped.add(sleeper);
    await network.pass(5_000);
    network.stopped.delete(sleeper);
    await sleeper.publish(draft());
    assert.equal(sleeper.replica.flushed.size(sleeper.signer.origin), 0);
    await network.pass(1_000);
    assert.equal(sleeper.replica.flushed.size(sleeper.signer.origin), 1);
    assert.ok(replicas.every((replica) => stateOf(replica, 'node-1') === 'alive'));
  });

  it('calls nobody suspect for it', async () => {
    const { network, replicas } = await cluster(4);
    const [sleeper] = replicas;
    assert.ok(sleeper !== undefined);
    network.stopped.add(sleeper);
    await network.pass(60_000);
    network.stopped.delete(sleeper);
    await network.pass(1_000);
    assert.equal(sleeper.replica.membership.counts.suspected, 0);
  });
});

describe('a member that is cut off and comes back', () => {
  it('is dead for the others meanwhile, and nobody is dead afterwards', async () => {
    const { network, replicas } = await cluster(5);
    const [lonely, ...others] = replicas;
    assert.ok(lonely !== undefined);
    network.stopped.add(lonely);
    await network.pass(20_000);
    for (const other of others) assert.equal(stateOf(other, 'node-1'), 'dead');
    network.stopped.delete(lonely);
    await network.pass(3_000);
    for (const replica of replicas) {
      assert.ok(
        replica.replica.members().every(({ state }) => state === 'alive'),
        JSON.stringify(replica.replica.members().map(({ name, state }) => [name, state])),
      );
    }
  });
});

describe('a member that leaves', () => {
  it('says so often enough that lost datagrams do not matter, and is left for everybody', async () => {
    for (const count of [2, 5]) {
      const { network, replicas } = await cluster(count);
      const [leaver, ...others] = replicas;
      assert.ok(leaver !== undefined);
      leaver.effects.length = 0;
      await leaver.step({ type: 'leave' });
      assert.ok(leaver.sent.length >= 8, `${leaver.sent.length} goodbyes`);
      await network.deliver();
      network.stopped.add(leaver);
      await network.pass(30_000);
      for (const other of others) assert.equal(stateOf(other, 'node-1'), 'left');
    }
  });
});

describe('versions', () => {
  const versions = (lowest: number, highest: number): { self: { versions: VersionRange } } => ({
    self: { versions: { lowest, highest } },
  });

  it('members agree on the highest common one, though nobody knows at first what others speak', async () => {
    const network = new TestNetwork();
    await network.start({ index: 1, ...versions(1, 2) });
    await network.start({ index: 2, ...versions(2, 3) });
    await network.pass(3_000);
    network.delivered.length = 0;
    await network.pass(2_000);
    assert.ok(network.delivered.length > 0);
    assert.deepEqual(new Set(network.delivered.map(({ version }) => version)), new Set([2]));
    for (const { replica } of network.replicas) assert.equal(replica.members().length, 2);
  });

  it('a rolling upgrade: old and new nodes replicate through those that speak both', async () => {
    const network = new TestNetwork();
    const both = await network.start({ index: 1, ...versions(1, 2) });
    const old = await network.start({ index: 2, ...versions(1, 1) });
    const next = await network.start({ index: 3, ...versions(2, 2) });
    await network.pass(5_000);
    await old.publish(draft());
    await next.publish(draft());
    await network.pass(5_000);
    for (const { replica } of [both, old, next]) {
      assert.equal(replica.flushed.size(old.signer.origin), 1);
      assert.equal(replica.flushed.size(next.signer.origin), 1);
    }
    assert.equal(old.replica.members().length, 3, 'it knows of the one that it cannot talk to');
    network.delivered.length = 0;
    await network.pass(5_000);
    const wrong = network.delivered.filter(({ to, version }) => {
      const { lowest, highest } = to.self.versions;
      return version < lowest || version > highest;
    });
    assert.deepEqual(wrong, []);
  });

  it('nodes without a common one are visible to each other, and do not answer', async () => {
    const network = new TestNetwork();
    const old = await network.start({ index: 1, ...versions(1, 1) });
    const next = await network.start({ index: 2, ...versions(2, 3) });
    await network.pass(5_000);
    const [seen] = old.replica.incompatible(old.nowMs);
    assert.equal(seen?.origin, next.signer.origin);
    assert.ok(seen.version === 2 || seen.version === 3);
    assert.equal(old.replica.members().length, 1);
    assert.deepEqual(
      network.delivered.filter(({ to }) => to === next),
      [],
    );
  });
});
