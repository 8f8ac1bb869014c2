/**
 * The exact bytes of datagrams. A failure here means that nodes of this version and of the one before it do not understand
 * each other any more: raise the version byte, or take the change back.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import { keyRingOf } from '@grapevine/cluster-node/wire/key-ring.ts';
import { everyOrigin, type NodeMessage } from '@grapevine/cluster-node/wire/messages.ts';
import { PlainOpener, PlainSealer } from '@grapevine/cluster-node/wire/plain.ts';
import { Opener, Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { encodeFrames, FrameDecoder } from '@grapevine/cluster-node/wire/segment-frames.ts';
import { fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import { z } from 'zod';

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const golden = z
  .strictObject({ messages: z.record(z.string(), hex), sealed: z.record(z.string(), hex), plain: hex })
  .parse(JSON.parse(readFileSync(new URL('datagrams.json', import.meta.url), 'utf8')));

const a = '000102030405060708090a0b0c0d0e0f';
const b = '101112131415161718191a1b1c1d1e1f';

const messages: Record<string, NodeMessage> = {
  'pull-request': {
    type: 'pull-request',
    requestId: 0x01020304,
    budget: 65_536,
    range: everyOrigin,
    vector: [
      { origin: a, size: 0 },
      { origin: b, size: 0x0a0b0c0d0e0f },
    ],
    root: new Uint8Array(32).fill(0xaa),
    partials: [{ origin: b, firstSeq: 256, fragmentBytes: 1_304, have: Uint8Array.of(0b1010_0000, 0b0000_0001) }],
    members: [
      {
        name: 'node-1',
        origin: a,
        bootEpoch: 0x018b_cfe5_6800,
        incarnation: 2,
        heartbeat: 77,
        state: 'alive',
        versions: { lowest: 1, highest: 2 },
        udp: { host: '127.0.0.1', port: 7_201 },
        http: { host: '::1', port: 7_101 },
        tls: true,
        catchingUp: true,
      },
    ],
  },
  'pull-response': {
    type: 'pull-response',
    requestId: 0x01020304,
    index: 0,
    count: 2,
    more: true,
    vector: [{ origin: b, size: 9 }],
    pieces: [
      { kind: 'segment', bytes: Uint8Array.of(0xde, 0xad) },
      {
        kind: 'fragment',
        origin: b,
        firstSeq: 8,
        segmentBytes: 905,
        fragmentBytes: 452,
        offset: 452,
        bytes: new Uint8Array(452).fill(0xbb),
      },
    ],
    members: [],
  },
  nudge: { type: 'nudge', heads: [{ origin: a, size: 3 }] },
  'members-request': { type: 'members-request', requestId: 0x01020304, from: b, sums: [0, 0xfffe_fdfc] },
  'members-response': {
    type: 'members-response',
    requestId: 0x01020304,
    next: b,
    members: [
      {
        name: 'node-2',
        origin: a,
        bootEpoch: 0x018b_cfe5_6800,
        incarnation: 0,
        heartbeat: 78,
        state: 'left',
        versions: { lowest: 1, highest: 1 },
        udp: { host: '127.0.0.1', port: 7_202 },
        http: { host: '127.0.0.1', port: 7_102 },
        tls: false,
        catchingUp: false,
      },
    ],
  },
};

const ring = keyRingOf([Uint8Array.from({ length: 32 }, (_, i) => i)]);
const bootEpoch = 0x018b_cfe5_6800;

for (const [name, message] of Object.entries(messages)) {
  test(`the bytes of a ${name}`, () => {
    const bytes = fromHex(golden.messages[name] ?? '');
    assert.equal(toHex(encodeMessage(message)), toHex(bytes));
    assert.deepEqual(decodeMessage(bytes), message);
  });

  test(`the bytes of a sealed ${name}: key 00..1f, epoch 018bcfe56800, counter 5`, () => {
    const bytes = fromHex(golden.sealed[name] ?? '');
    const sealer = new Sealer({ key: ring.sealing, sender: a, bootEpoch, firstCounter: 5 });
    assert.equal(toHex(sealer.seal(encodeMessage(message))), toHex(bytes));
    assert.deepEqual(new Opener(ring, b).open(bytes), { sender: a, plaintext: encodeMessage(message) });
  });
}

test('the bytes of a stream of segments', () => {
  const segments = [new Uint8Array(200).fill(0xcc), new Uint8Array(201).fill(0xdd)];
  const expected = `000000c8${'cc'.repeat(200)}000000c9${'dd'.repeat(201)}`;
  assert.equal(toHex(encodeFrames(segments)), expected);
  assert.deepEqual(new FrameDecoder().push(fromHex(expected)), segments);
});

test('the bytes of a plain nudge', () => {
  const nudge = fromHex(golden.messages['nudge'] ?? '');
  assert.equal(toHex(new PlainSealer(a).seal(nudge)), golden.plain);
  assert.deepEqual(new PlainOpener(b).open(fromHex(golden.plain)), { sender: a, plaintext: nudge });
});
