import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';
import { type Comparison, comparisonSchema } from '@grapevine/shared/contracts/node-api.ts';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import { codeOf, TestNode } from '@grapevine/test/fixtures/node-http.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';

async function startPair(): Promise<{ a: TestNode; b: TestNode; stop: () => Promise<void> }> {
  const a = await TestNode.start('node-a', nodeHeadVerifier);
  const b = await TestNode.start('node-b', nodeHeadVerifier);
  a.service.others = [b.service.member()];
  b.service.others = [a.service.member()];
  const stop = async (): Promise<void> => {
    await Promise.all([a.stop(), b.stop()]);
  };
  return { a, b, stop };
}

async function compare(node: TestNode, peer: string): Promise<Comparison> {
  const answer = await node.get(`/v1/compare?peer=${peer}`);
  assert.equal(answer.status, 200, answer.text);
  return comparisonSchema.parse(answer.body);
}

const draft = (body: string) => ({ topic: 't', body });

test('tells equal, ahead, behind and diverged apart', async (t) => {
  const { a, b, stop } = await startPair();
  t.after(stop);
  assert.equal((await compare(a, 'node-b')).verdict, 'equal', 'both empty');
  await a.publish({ messages: [draft('1'), draft('2')] });
  a.service.replicateTo(b.service);
  assert.equal((await compare(a, 'node-b')).verdict, 'equal');
  await a.publish({ messages: [draft('3'), draft('4'), draft('5')] });
  const ahead = await compare(a, 'node-b');
  assert.deepEqual([ahead.a, ahead.b, ahead.verdict, ahead.aheadBy], ['node-a', 'node-b', 'ahead', 3]);
  const behind = await compare(b, 'node-a');
  assert.deepEqual([behind.verdict, behind.behindBy], ['behind', 3]);
  await b.publish({ messages: [draft('6')] });
  const both = await compare(a, 'node-b');
  assert.deepEqual([both.verdict, both.aheadBy, both.behindBy], ['diverged', 3, 1]);
  assert.equal((await compare(a, 'node-a')).verdict, 'equal', 'with itself');
});

test('finds a fork at the same size and below a longer log', async (t) => {
  const { a, b, stop } = await startPair();
  t.after(stop);
  await a.publish({ messages: [draft('1'), draft('2')] });
  a.service.replicateTo(b.service);
  b.service.replica.forge(a.service.origin, 0, 'another story');
  const sameSize = await compare(a, 'node-b');
  assert.equal(sameSize.verdict, 'forked');
  const idOf = (node: TestNode) => node.service.replica.log(a.service.origin)[0]?.message.id;
  assert.deepEqual(sameSize.origins[0]?.fork, { seq: 0, a: idOf(a), b: idOf(b) });
  await a.publish({ messages: [draft('3')] });
  const forked = await compare(b, 'node-a');
  assert.deepEqual(
    forked.origins.map(({ state, sizeA, sizeB }) => [state, sizeA, sizeB]),
    [['forked', 2, 3]],
  );
});

test('an unknown peer is 404, an impossible name 400', async (t) => {
  const { a, stop } = await startPair();
  t.after(stop);
  const unknown = await a.get('/v1/compare?peer=node-z');
  assert.deepEqual([unknown.status, codeOf(unknown)], [404, 'NOT_FOUND']);
  for (const query of ['', '?peer=', '?peer=A%20B']) assert.equal((await a.get(`/v1/compare${query}`)).status, 400);
});

test('a peer that does not answer is named', async (t) => {
  const { a, b } = await startPair();
  t.after(() => a.stop());
  await b.stop();
  const answer = await a.get('/v1/compare?peer=node-b');
  assert.deepEqual([answer.status, codeOf(answer)], [503, 'UNAVAILABLE']);
  assert.match(problemSchema.parse(answer.body).detail, /node-b.*ECONNREFUSED/);
});

test('heads that their origin has not signed are refused', async (t) => {
  const { a, b, stop } = await startPair();
  t.after(stop);
  await b.publish({ messages: [draft('1')] });
  const honest = b.service.heads();
  const forged = { ...honest, heads: honest.heads.map((head) => ({ ...head, size: 9 })) };
  await answeringWith(JSON.stringify(forged), async (http) => {
    a.service.others = [{ ...b.service.member(), http }];
    const answer = await a.get('/v1/compare?peer=node-b');
    assert.deepEqual([answer.status, codeOf(answer)], [502, 'UPSTREAM_FAILED']);
    assert.match(problemSchema.parse(answer.body).detail, /has not signed/);
  });
});

test('an answer that is none of ours, or endless, is refused', async (t) => {
  const { a, b, stop } = await startPair();
  t.after(stop);
  for (const [body, status] of [
    ['<html>', 502],
    ['{}', 502],
    [' '.repeat(1024 * 1024 + 1), 503],
  ] as const) {
    await answeringWith(body, async (http) => {
      a.service.others = [{ ...b.service.member(), http }];
      assert.equal((await a.get('/v1/compare?peer=node-b')).status, status);
    });
  }
});

/** Runs `use` with the URL of a server that answers everything with `body`. */
async function answeringWith(body: string, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_request, response) => response.end(body));
  const address = { name: 'impostor', host: '127.0.0.1', port: 0, portFlag: '-', drainMs: 0 };
  const { url, stop } = await listen(server, address);
  try {
    await use(url);
  } finally {
    await stop();
  }
}
