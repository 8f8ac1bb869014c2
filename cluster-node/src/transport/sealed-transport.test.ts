import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { keyRingOf } from '../wire/key-ring.ts';
import type { Nudge } from '../wire/messages.ts';
import { Opener, Sealer } from '../wire/seal.ts';
import { MemoryNetwork } from './memory-transport.ts';
import { type MessageListener, SealedTransport } from './sealed-transport.ts';

const ring = keyRingOf([new Uint8Array(32).fill(1)]);
const [a, b] = ['0a'.repeat(16), '0b'.repeat(16)];
const nudge: Nudge = { type: 'nudge', heads: [{ origin: a, size: 3 }] };
const bootEpoch = 1_700_000_000_000;

function fixture() {
  const network = new MemoryNetwork();
  const sealerOf = (sender: string): Sealer => new Sealer({ key: ring.sealing, sender, bootEpoch });
  const node = (host: string, origin: string): SealedTransport =>
    new SealedTransport({
      transport: network.open({ host, port: 1 }),
      sealer: sealerOf(origin),
      opener: new Opener(ring, origin),
      maxDatagramBytes: 1_400,
    });
  return { network, sealerOf, a: node('a', a), b: node('b', b) };
}

function listenTo(node: SealedTransport): Parameters<MessageListener>[] {
  const heard: Parameters<MessageListener>[] = [];
  node.onMessage((...arrival) => heard.push(arrival));
  return heard;
}

test('a message arrives with its sender and where it came from, and both ends count it', async () => {
  const nodes = fixture();
  const heard = listenTo(nodes.b);
  nodes.a.send(nodes.b.address, nudge);
  nodes.a.send(nodes.b.address, nudge);
  await setImmediate();
  assert.deepEqual(heard[0], [nudge, a, nodes.a.address]);
  assert.deepEqual(nodes.a.counts, { sent: { nudge: 2 }, received: {}, dropped: {}, oversized: {} });
  assert.deepEqual(nodes.b.counts, { sent: {}, received: { nudge: 2 }, dropped: {}, oversized: {} });
});

test('what cannot be opened or decoded is counted by reason, dropped and not answered', async () => {
  const { network, sealerOf, b: node } = fixture();
  const heard = listenTo(node);
  const stranger = network.open({ host: 'stranger', port: 1 });
  stranger.onDatagram(() => assert.fail('a stranger was answered'));
  const sealed = sealerOf('0c'.repeat(16)).seal(Uint8Array.of(1, 9));
  const rubbish = [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(9), sealed, sealed, sealed.with(40, 0).with(41, 0)];
  for (const datagram of rubbish) stranger.send(node.address, datagram);
  await setImmediate();
  await setImmediate();
  assert.deepEqual(heard, []);
  assert.deepEqual(node.counts.dropped, {
    'too-short': 1,
    'wrong-mode': 1,
    'unknown-version': 1,
    undecodable: 1,
    replayed: 2,
  });
});

test('a message that does not fit the datagram is counted and not sent', async () => {
  const nodes = fixture();
  const heard = listenTo(nodes.b);
  const nudgeOf = (origins: number): Nudge => ({
    type: 'nudge',
    heads: Array.from({ length: origins }, (_, i) => ({ origin: (i + 1).toString(16).padStart(32, '0'), size: 1 })),
  });
  for (const origins of [62, 61, 62]) nodes.a.send(nodes.b.address, nudgeOf(origins));
  await setImmediate();
  assert.deepEqual(
    heard.map(([message]) => message),
    [nudgeOf(61)],
  );
  assert.deepEqual(nodes.a.counts, { sent: { nudge: 1 }, received: {}, dropped: {}, oversized: { nudge: 2 } });
});

test('after close nothing is sent any more', async () => {
  const nodes = fixture();
  const heard = listenTo(nodes.b);
  await nodes.a.close();
  nodes.a.send(nodes.b.address, nudge);
  await setImmediate();
  assert.deepEqual(heard, []);
});
