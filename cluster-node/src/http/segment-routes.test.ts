import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import { codeOf, peerAccess, TestNode, until, vouched } from '@grapevine/test/fixtures/node-http.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { decodeSegment, type Segment } from '../wire/segment.ts';
import { encodeFrames } from '../wire/segment-frames.ts';
import { PeerClient, type SegmentsRequest } from './peer-client.ts';
import { SegmentStreams } from './segment-streams.ts';

const draft = (body: string) => ({ topic: 't', body });

function clientOf(http: string, signal = new AbortController().signal): PeerClient {
  const address = { name: 'node-1', http, origin: '0a'.repeat(16), udp: '127.0.0.1:9', state: 'alive' as const };
  const member = {
    ...address,
    bootEpoch: 1,
    incarnation: 1,
    heartbeat: 1,
    versions: { lowest: 1, highest: 1 },
    messages: 0,
  };
  return new PeerClient(member, peerAccess, signal);
}

async function bytesOf(http: string, request: SegmentsRequest): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const some of clientOf(http).segments(request)) found.push(...some);
  return found;
}

async function segmentsOf(http: string, request: SegmentsRequest): Promise<Segment[]> {
  return (await bytesOf(http, request)).map(decodeSegment);
}

/** A node with three entries of its own and two of another origin, each in its own segment. */
async function nodeWithTwoOrigins(): Promise<{ node: TestNode; own: string; other: string }> {
  const node = await TestNode.start();
  await using second = await TestNode.start('node-2');
  await node.publish({ messages: [draft('1'), draft('2'), draft('3')] });
  await second.publish({ messages: [draft('4'), draft('5')] });
  second.service.replicateTo(node.service);
  return { node, own: node.service.origin, other: second.service.origin };
}

const placesOf = (segments: readonly Segment[]): string[] => segments.map((s) => `${s.origin}:${s.firstSeq}`);

test('brings every segment that the token does not cover, as its origin signed it', async () => {
  const { node, own, other } = await nodeWithTwoOrigins();
  await using _ = node;
  const all = await segmentsOf(node.url, { since: new Map() });
  const [first = '', second = ''] = [own, other].sort();
  const sizes = new Map([
    [own, 3],
    [other, 2],
  ]);
  const expected = [first, second].flatMap((o) =>
    Array.from({ length: sizes.get(o) ?? 0 }, (__, seq) => `${o}:${seq}`),
  );
  assert.deepEqual(placesOf(all), expected);
  for (const { head } of all) assert.ok(nodeHeadVerifier.verify(head));
  const some = await segmentsOf(node.url, {
    since: new Map([
      [own, 2],
      [other, 1],
    ]),
  });
  assert.deepEqual(placesOf(some).sort(), [`${own}:2`, `${other}:1`].sort());
  assert.deepEqual(await segmentsOf(node.url, { since: sizes }), []);
  assert.deepEqual(
    await segmentsOf(node.url, {
      since: new Map([
        [own, 9],
        [other, 9],
      ]),
    }),
    [],
    'ahead of the node',
  );
});

test('brings a single segment, or as many as are asked for, of the origins asked for', async () => {
  const { node, own, other } = await nodeWithTwoOrigins();
  await using _ = node;
  const since = new Map([[own, 1]]);
  assert.deepEqual(placesOf(await segmentsOf(node.url, { since, origins: [own], limitBytes: 1 })), [`${own}:1`]);
  assert.deepEqual(placesOf(await segmentsOf(node.url, { since, origins: [own] })), [`${own}:1`, `${own}:2`]);
  const both = await segmentsOf(node.url, { since, origins: [other, own] });
  assert.deepEqual(placesOf(both), [`${other}:0`, `${other}:1`, `${own}:1`, `${own}:2`]);
  const [one] = await segmentsOf(node.url, { since: new Map(), origins: [own], limitBytes: 1 });
  const limitBytes = (one?.bytes.length ?? 0) + 1;
  assert.equal((await segmentsOf(node.url, { since: new Map(), origins: [own], limitBytes })).length, 2);
  assert.deepEqual(await segmentsOf(node.url, { since, origins: ['0c'.repeat(16)] }), []);
});

test('names what is wrong with a request, and who may not ask', async () => {
  await using node = await TestNode.start();
  const codes: unknown[] = [];
  for (const query of ['since=x', 'origins=', 'origins=abc', 'limitBytes=0', 'limitBytes=-1', 'other=1']) {
    codes.push(codeOf(await node.get(`/v1/segments?${query}`)));
  }
  const twice = `${'0a'.repeat(16)},${'0a'.repeat(16)}`;
  codes.push(codeOf(await node.get(`/v1/segments?origins=${twice}`)));
  const many = Array.from({ length: 1_025 }, (_, i) => i.toString(16).padStart(32, '0')).join();
  codes.push(codeOf(await node.get(`/v1/segments?origins=${many}`)));
  assert.deepEqual(codes, ['INVALID_CURSOR', ...Array.from({ length: 7 }, () => 'INVALID_ARGUMENT')]);
  assert.equal((await node.send('/v1/segments', {})).status, 401);
  assert.equal((await node.get('/v1/segments', vouched(['cluster:read']))).status, 403);
  assert.equal((await node.get('/v1/segments', vouched(['messages:read']))).status, 403);
  const head = await node.send('/v1/segments', { method: 'HEAD', headers: vouched() });
  assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'application/octet-stream']);
});

/** A node with more bytes than any socket takes at once. */
async function bigNode(): Promise<TestNode> {
  const node = await TestNode.start();
  for (let i = 0; i < 80; i++) await node.publish({ messages: [draft('x'.repeat(256 * 1024))] });
  return node;
}

async function openStreams(node: TestNode): Promise<number> {
  const { text } = await node.send('/metrics', {});
  return Number(/^grapevine_node_segment_streams\{.*\} (\d+)$/m.exec(text)?.[1]);
}

/** Requests all segments and reads none. */
async function idleReader(node: TestNode): Promise<{ response: IncomingMessage; close: () => void }> {
  const request = get(`${node.url}/v1/segments`, { headers: vouched(), agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { response, close: () => request.destroy() };
}

test('reads no more than the requester takes, and goes on when it does', async () => {
  await using node = await bigNode();
  let reads = 0;
  const { segmentsFrom } = node.service.log;
  Object.assign(node.service.log, {
    segmentsFrom: (...args: Parameters<typeof segmentsFrom>) => {
      reads++;
      return segmentsFrom(...args);
    },
  });
  const reader = await idleReader(node);
  let turns = 0;
  for (let last = -1; turns < 50; turns = reads === last ? turns + 1 : 0) {
    last = reads;
    await nextTurn();
  }
  assert.ok(reads < 80, `read ${reads} of 80 chunks for somebody who takes none`);
  let bytes = 0;
  for await (const chunk of reader.response) bytes += (chunk as Uint8Array).length;
  assert.equal(reads, 80);
  assert.ok(bytes > 80 * 256 * 1024);
});

test('serves a bounded number of streams, says when to come again, and frees the places of those who leave', async () => {
  await using node = await bigNode();
  const readers = await Promise.all(Array.from({ length: 8 }, () => idleReader(node)));
  assert.equal(await openStreams(node), 8);
  const refused = await node.get('/v1/segments');
  assert.deepEqual([refused.status, codeOf(refused), refused.headers.get('retry-after')], [503, 'OVERLOADED', '1']);
  await assert.rejects(segmentsOf(node.url, { since: new Map() }), {
    code: 'UPSTREAM_FAILED',
    message: /8 open streams/,
  });
  for (const reader of readers) reader.close();
  await until(async () => (await openStreams(node)) === 0);
  assert.equal((await node.get('/v1/segments?limitBytes=1')).status, 200);
});

test('a client that stops in the middle frees its place', async () => {
  await using node = await bigNode();
  for await (const some of clientOf(node.url).segments({ since: new Map() })) if (some.length > 0) break;
  await until(async () => (await openStreams(node)) === 0);
});

test('cuts off a requester that takes nothing', async (t) => {
  await using node = await bigNode();
  const streams = new SegmentStreams(node.service, 50);
  const everything = { since: new Map(), origins: undefined, limitBytes: Number.POSITIVE_INFINITY };
  const server = await serve((_request, response) => void streams.send(response, everything));
  t.after(() => server.stop());
  const request = get(server.url, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  await until(() => streams.size === 0);
  await assert.rejects(async () => {
    for await (const _chunk of response);
  }, /aborted/);
});

test('cuts the answer off when the store cannot be read', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: [draft('1')] });
  Object.assign(node.service.log, {
    segmentsFrom: () => {
      throw new GrapevineError('DATA_DAMAGED', 'Expected a segment.');
    },
  });
  await assert.rejects(segmentsOf(node.url, { since: new Map() }), { code: 'UNAVAILABLE' });
  assert.equal(await openStreams(node), 0);
});

test('stopping the server cuts its streams', async () => {
  const node = await bigNode();
  const reader = await idleReader(node);
  await node.stop();
  await assert.rejects(async () => {
    for await (const _chunk of reader.response);
  }, /aborted/);
});

async function serve(listener: RequestListener) {
  return listen(createServer(listener), { name: 'peer', host: '127.0.0.1', port: 0, portFlag: '--port', drainMs: 0 });
}

const unhappy: Record<string, [code: string, listener: RequestListener]> = {
  'frames that are too long': ['UPSTREAM_FAILED', (_request, response) => response.end(Uint8Array.of(255, 1, 1, 1))],
  'half a frame': [
    'UPSTREAM_FAILED',
    (_request, response) => response.end(encodeFrames([new Uint8Array(300)]).subarray(0, 200)),
  ],
  'a stream that breaks': [
    'UNAVAILABLE',
    (_request, response) => {
      response.write(encodeFrames([new Uint8Array(300)]));
      setImmediate(() => response.destroy());
    },
  ],
  'an answer that is no problem document': [
    'UPSTREAM_FAILED',
    (_request, response) => response.writeHead(500).end('no'),
  ],
};

for (const [name, [code, listener]] of Object.entries(unhappy)) {
  test(`a client of a peer that sends ${name} is told`, async (t) => {
    const server = await serve(listener);
    t.after(() => server.stop());
    await assert.rejects(bytesOf(server.url, { since: new Map() }), { code, message: /node-1/ });
  });
}

test('a client of a peer that is not there is told, and one whose time is up', async (t) => {
  await assert.rejects(segmentsOf('http://127.0.0.1:9', { since: new Map() }), { code: 'UNAVAILABLE' });
  const silent = await serve(() => undefined);
  t.after(() => silent.stop());
  const client = clientOf(silent.url, AbortSignal.abort());
  await assert.rejects(client.segments({ since: new Map() }).next(), { code: 'UNAVAILABLE' });
});

test('a token of the greatest length fits a request', async () => {
  await using node = await TestNode.start();
  const since = new Map(Array.from({ length: 1_024 }, (_, i) => [i.toString(16).padStart(32, '0'), 2 ** 47]));
  const origins = [...since.keys()];
  assert.ok(encodeToken(since).length > 30_000);
  assert.deepEqual(await segmentsOf(node.url, { since, origins }), []);
});
