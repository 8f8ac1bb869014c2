import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SealedTransport } from '@grapevine/cluster-node/transport/sealed-transport.ts';
import { openUdpTransport } from '@grapevine/cluster-node/transport/udp-transport.ts';
import { refusals } from '@grapevine/cluster-node/wire/datagram.ts';
import type { Nudge } from '@grapevine/cluster-node/wire/messages.ts';
import { Opener, Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { attackerOrigin, DatagramFuzzer, receiverOrigin, ring } from './datagram-fuzzer.ts';

test('15,000 hostile datagrams: none opened without the key, none decoded in two ways, nothing thrown', () => {
  const seed = 7;
  const fuzzer = new DatagramFuzzer(seed);
  for (let i = 0; i < 15_000; i++) {
    const hostile = fuzzer.next();
    try {
      fuzzer.check(hostile);
    } catch (error) {
      throw new Error(`datagram ${i} of seed ${seed}: ${hostile.datagram.toHex()}`, { cause: error });
    }
  }
  // The run is worth something only if it comes everywhere.
  const reached = ['too-short', 'wrong-mode', 'unknown-version', 'unknown-key', 'bad-tag', 'undecodable'];
  const kinds = ['pull-request', 'pull-response', 'nudge', 'members-request', 'members-response'];
  const decoded = [...kinds, 'segments decoded', 'segments refused'];
  for (const outcome of [...reached, ...decoded]) {
    assert.ok((fuzzer.outcomes[outcome] ?? 0) >= 20, `${outcome}: ${fuzzer.outcomes[outcome] ?? 0}`);
  }
});

test('a real socket takes 10,000 of them, answers none, counts each and goes on', { timeout: 30_000 }, async (t) => {
  const options = { name: 'test', host: '127.0.0.1', port: 0, portFlag: '--udp-port' };
  const [socket, stranger] = [await openUdpTransport(options), await openUdpTransport(options)];
  t.after(() => Promise.all([socket.close(), stranger.close()]));
  const node = new SealedTransport({
    transport: socket,
    sealer: new Sealer({ key: ring.sealing, sender: receiverOrigin, bootEpoch: 1 }),
    opener: new Opener(ring, receiverOrigin),
    maxDatagramBytes: 1_400,
  });
  node.onMessage(() => {});
  stranger.onDatagram(() => assert.fail('a stranger was answered'));

  const fuzzer = new DatagramFuzzer(8);
  for (let sent = 1; sent <= 10_000; sent++) {
    stranger.send(node.address, fuzzer.next().datagram);
    // UDP loses what the receive buffer has no room for: a hundred at a time always fit.
    if (sent % 100 === 0) while (socket.counts.receivedDatagrams < sent) await setImmediate();
  }
  const { received, dropped } = node.counts;
  const total = (counts: Partial<Record<string, number>>): number =>
    Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  assert.equal(total(dropped) + total(received), 10_000);
  assert.ok(refusals.some((reason) => (dropped[reason] ?? 0) > 1_000));

  const nudge: Nudge = { type: 'nudge', heads: [{ origin: attackerOrigin, size: 1 }] };
  const genuine = new SealedTransport({
    transport: stranger,
    sealer: new Sealer({ key: ring.sealing, sender: attackerOrigin, bootEpoch: 1_800_000_000_000 }),
    opener: new Opener(ring, attackerOrigin),
    maxDatagramBytes: 1_400,
  });
  const heard = new Promise((resolve) => node.onMessage((message) => resolve(message)));
  genuine.send(node.address, nudge);
  assert.deepEqual(await heard, nudge);
});
