/** Streams over real sockets: from a node's HTTP API, and from peers that misbehave. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { peerAccess, TestNode, until } from '@grapevine/test/fixtures/node-http.ts';
import { recordingLog } from '@grapevine/test/fixtures/recording-log.ts';
import type { ReplicaEvent } from '../core/events.ts';
import { record } from '../core/member.fixture.ts';
import { PeerClient } from '../http/peer-client.ts';
import { encodeFrames } from '../wire/segment-frames.ts';
import { AheadVerifier } from './ahead-verifier.ts';
import { SegmentStream } from './segment-stream.ts';

/** Two of them make a chunk. */
const draft = { topic: 't', body: 'x'.repeat(200 * 1024) };
const origin = '0a'.repeat(16);

/** A node with `count` large messages, one in each segment. */
async function holderOf(count: number): Promise<TestNode> {
  const node = await TestNode.start();
  for (let i = 0; i < count; i++) await node.publish({ messages: [draft] });
  return node;
}

class Taker {
  readonly events: ReplicaEvent[] = [];
  readonly stream: SegmentStream;
  readonly lines: readonly string[];

  constructor(t: TestContext, url: string, origins: readonly string[] = [origin]) {
    const { hostname: host, port } = new URL(url);
    const peer = record(1, { http: { host, port: Number(port) } });
    const { log, lines } = recordingLog();
    this.lines = lines;
    this.stream = new SegmentStream(
      { type: 'catch-up', stream: 7, peer, origins, since: new Map() },
      {
        source: (_peer, request, signal) =>
          new PeerClient({ name: 'node-1', http: url }, peerAccess, signal).segments(request),
        verifier: new AheadVerifier(),
        log,
        step: (event) => this.events.push(event),
      },
    );
    t.after(() => this.stream.end());
  }

  get places(): number[] {
    return this.events.flatMap((event) =>
      event.type === 'streamed' ? event.segments.map(({ firstSeq }) => firstSeq) : [],
    );
  }

  get ending(): boolean | undefined {
    const last = this.events.at(-1);
    return last?.type === 'stream-ended' ? last.isComplete : undefined;
  }
}

async function openStreams(node: TestNode): Promise<number> {
  const { text } = await node.send('/metrics', {});
  return Number(/^grapevine_node_segment_streams\{.*\} (\d+)$/m.exec(text)?.[1]);
}

test('hands the segments over in order, each chunk only when it was asked for', async (t) => {
  await using node = await holderOf(9);
  const taker = new Taker(t, node.url, [node.service.origin]);
  for (let chunks = 1; chunks <= 4; chunks++) {
    await until(() => taker.events.length === chunks);
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    assert.equal(taker.events.length, chunks, 'nothing comes unasked');
    taker.stream.next();
  }
  await until(() => taker.ending === true);
  assert.deepEqual(taker.places, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  for (const event of taker.events) assert.ok(event.type !== 'streamed' || event.stream === 7);
});

test('hangs up when it is given up, and says nothing more', async (t) => {
  await using node = await holderOf(60);
  const taker = new Taker(t, node.url, [node.service.origin]);
  await until(() => taker.events.length === 1);
  assert.equal(await openStreams(node), 1);
  taker.stream.end();
  await until(async () => (await openStreams(node)) === 0);
  taker.stream.next();
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  assert.equal(taker.events.length, 1);
});

test('a peer that stops in the middle breaks the stream; what came before is good', async (t) => {
  const node = await holderOf(60);
  const taker = new Taker(t, node.url, [node.service.origin]);
  await until(() => taker.events.length === 1);
  await node.stop();
  taker.stream.next();
  await until(() => {
    taker.stream.next();
    return taker.ending === false;
  });
  const { places } = taker;
  assert.ok(places.length >= 2 && places.length < 60);
  assert.deepEqual(places, [...places.keys()]);
  assert.match(taker.lines.join(), /a catch-up broke off/);
});

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const misbehaving: Record<string, RequestListener> = {
  'refuses because it is busy': (_request, response) => response.writeHead(503).end(),
  'sends frames with something else in them': (_request, response) => response.end(encodeFrames([new Uint8Array(300)])),
  'sends no frames': (_request, response) => response.end('x'.repeat(1_000)),
  'hangs up at once': (request) => request.socket.destroy(),
};
for (const [what, listener] of Object.entries(misbehaving)) {
  test(`a peer that ${what} ends the stream`, async (t) => {
    const taker = new Taker(t, await serve(t, listener));
    await until(() => taker.ending === false);
    assert.equal(taker.events.length, 1);
  });
}

test('a peer that never answers is hung up on when it is given up', async (t) => {
  let gone = false;
  const url = await serve(t, (request) => {
    request.once('close', () => {
      gone = true;
    });
  });
  const taker = new Taker(t, url);
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  taker.stream.end();
  await until(() => gone);
  assert.deepEqual(taker.events, []);
});
