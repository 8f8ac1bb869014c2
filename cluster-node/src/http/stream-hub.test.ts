import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, IncomingMessage, request, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseEventStream } from '@grapevine/shared/cluster-client/event-stream.ts';
import { decodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { messageSchema, publishRequestSchema } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import { sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { MemoryNode } from '@grapevine/test/fixtures/memory-node.ts';
import { until } from '@grapevine/test/fixtures/node-http.ts';
import { StreamHub } from './stream-hub.ts';

async function startHub(
  t: TestContext,
): Promise<{ hub: StreamHub; node: MemoryNode; open: (since?: string) => Promise<IncomingMessage> }> {
  const node = new MemoryNode('node-1');
  const hub = new StreamHub(node);
  const server = createServer((incoming, response) => {
    try {
      const since = new URL(incoming.url ?? '/', 'http://hub').searchParams.get('since');
      hub.open(response, undefined, since === null ? new Map() : decodeToken(since));
    } catch (error) {
      sendProblem(incoming, response, error);
    }
  });
  const address = { name: 'hub', host: '127.0.0.1', port: 0, portFlag: '-', drainMs: 0 };
  const { url, stop } = await listen(server, address);
  t.after(async () => {
    hub.close();
    await stop();
  });
  const open = async (since?: string): Promise<IncomingMessage> => {
    const outgoing = request(`${url}/?${new URLSearchParams(since === undefined ? {} : { since })}`, {
      agent: false,
    }).on('error', () => {});
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    t.after(() => outgoing.destroy());
    return response;
  };
  return { hub, node, open };
}

test('a beat sends a comment to whoever reads', async (t) => {
  const { hub, open } = await startHub(t);
  const response = await open();
  response.setEncoding('utf8');
  const [opening] = (await once(response, 'data')) as [string];
  assert.match(opening, /^: open\n/);
  hub.beat();
  const [comment] = (await once(response, 'data')) as [string];
  assert.equal(comment, ': keep-alive\n\n');
});

test('whoever does not read for three beats is cut off', async (t) => {
  const { hub, node, open } = await startHub(t);
  const big = { topic: 't', body: 'x'.repeat(limits.messageBodyBytes) };
  const request = publishRequestSchema.parse({ messages: Array.from({ length: 64 }, () => big) });
  await node.publish('ann', request);
  const response = await open();
  const cut = once(response, 'error');
  let beats = 0;
  await until(async () => {
    // Lets the sockets take what they can, so that the stream fills up before it is judged.
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    hub.beat();
    beats += 1;
    return hub.size === 0;
  });
  assert.ok(beats >= 3, `${beats} beats`);
  response.resume();
  await cut;
});

test('who is cut off hears why as soon as it reads, and goes on from its last token with nothing lost', async (t) => {
  const { hub, node, open } = await startHub(t);
  const big = { topic: 't', body: 'x'.repeat(limits.messageBodyBytes) };
  const request = publishRequestSchema.parse({ messages: Array.from({ length: 64 }, () => big) });
  const { results } = await node.publish('ann', request);
  const response = await open();
  // Three beats at which the stream was full, with nothing read from the store in between.
  for (let [beats, reads] = [0, -1]; beats < 3; hub.beat()) {
    for (let turn = 0; turn < 200; turn++) await nextTurn();
    beats = node.sinceReads === reads ? beats + 1 : 1;
    reads = node.sinceReads;
  }
  const seen: string[] = [];
  let last = { event: '', data: '', id: '' };
  for await (const event of parseEventStream(response)) {
    if (event.event === 'message') seen.push(messageSchema.parse(JSON.parse(event.data)).id);
    last = event;
  }
  assert.deepEqual([last.event, JSON.parse(last.data)], ['cut', { reason: 'slow-reader' }]);
  assert.ok(seen.length < results.length, 'it was cut off in the middle');
  for await (const event of parseEventStream(await open(last.id))) {
    if (event.event === 'message') seen.push(messageSchema.parse(JSON.parse(event.data)).id);
    if (seen.length === results.length) break;
  }
  assert.deepEqual(
    seen,
    results.map(({ id }) => id),
  );
});

test('there is a most that one node streams', async (t) => {
  const node = new MemoryNode('node-1');
  const hub = new StreamHub(node);
  t.after(() => hub.close());
  const responses = Array.from({ length: 1_000 }, unconnected);
  for (const response of responses) hub.open(response, undefined, new Map());
  assert.throws(
    () => hub.open(unconnected(), undefined, new Map()),
    (error) => error instanceof GrapevineError && error.code === 'OVERLOADED' && error.retryAfterSeconds === 1,
  );
  const [first] = responses;
  assert.ok(first !== undefined);
  first.destroy();
  await once(first, 'close');
  hub.open(unconnected(), undefined, new Map());
  assert.equal(hub.size, 1_000);
});

test('a closed hub listens no more', async () => {
  const node = new MemoryNode('node-1');
  const hub = new StreamHub(node);
  assert.equal(node.listeners, 1);
  hub.close();
  assert.equal(node.listeners, 0);
});

/** A response whose socket leads nowhere: spares a thousand connections. */
function unconnected(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}
