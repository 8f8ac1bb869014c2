import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { runCommand, type SeenRequest, sendJson, sendProblem, standInGateway } from './command.fixture.ts';

function sendEvents(response: ServerResponse, bodies: readonly string[], firstToken = 0): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [i, body] of bodies.entries()) {
    const message = { id: `${i}`, topic: 'hello', author: 'ada', createdAt: '2026-01-01T00:00:00.000Z', body };
    const data = { data: { messageAdded: { consistencyToken: `token-${firstToken + i}`, message } } };
    response.write(`event: next\ndata: ${JSON.stringify(data)}\n\n`);
  }
}

function variablesOf({ body }: SeenRequest): { readonly since?: string } {
  return (body as { variables: { since?: string } }).variables;
}

/** Answers the question where the topic is now with `token-now`; true when it was that. */
function tellPresent(request: SeenRequest, response: ServerResponse): boolean {
  if (variablesOf(request).since !== undefined) return false;
  sendJson(response, 200, { data: { messages: { consistencyToken: 'token-now' } } });
  return true;
}

test('prints messages as they come, goes on by token where a stream broke off, and stops at Ctrl-C', async () => {
  await using gateway = await standInGateway((request, response) => {
    if (tellPresent(request, response)) return;
    if (variablesOf(request).since === 'token-now') {
      sendEvents(response, ['one', 'two\u001b[31m']);
      response.end();
    } else {
      sendEvents(response, ['three'], 2);
    }
  });
  const result = await runCommand(['tail', 'hello', ...gateway.target], {
    stopAfter: (stdout) => stdout.includes('three'),
  });
  assert.equal(result.code, 0);
  assert.deepEqual(result.stdout.trim().split('\n'), [
    '2026-01-01T00:00:00.000Z ada  one',
    '2026-01-01T00:00:00.000Z ada  two\\u001b[31m',
    '2026-01-01T00:00:00.000Z ada  three',
  ]);
  const asked = gateway.requests.map((request) => variablesOf(request).since);
  assert.deepEqual(asked, [undefined, 'token-now', 'token-1']);
});

test('a stream that breaks before its first message is opened again from where it began', async () => {
  let streams = 0;
  await using gateway = await standInGateway((request, response) => {
    if (tellPresent(request, response)) return;
    streams += 1;
    if (streams === 1) sendProblem(response, 503, 'UNAVAILABLE', 'No node answers.');
    else sendEvents(response, ['meanwhile']);
  });
  const { code, stderr } = await runCommand(['tail', 'hello', ...gateway.target], {
    stopAfter: (stdout) => stdout.includes('meanwhile'),
  });
  assert.deepEqual([code, /broke off .*No node answers/.test(stderr)], [0, true]);
  assert.deepEqual(
    gateway.requests.map((request) => variablesOf(request).since),
    [undefined, 'token-now', 'token-now'],
  );
});

test('--json gives each message with the token after it', async () => {
  await using gateway = await standInGateway((_request, response) => sendEvents(response, ['one']));
  const { stdout } = await runCommand(['tail', 'hello', '--json', '--since', 'start', ...gateway.target], {
    stopAfter: (text) => text.includes('\n'),
  });
  const { body, consistencyToken } = JSON.parse(stdout);
  assert.deepEqual({ body, consistencyToken }, { body: 'one', consistencyToken: 'token-0' });
});

test('a refusal ends it', async () => {
  await using gateway = await standInGateway((_request, response) =>
    sendProblem(response, 401, 'UNAUTHENTICATED', 'The token has expired.'),
  );
  const { code, stderr } = await runCommand(['tail', 'hello', ...gateway.target]);
  assert.equal(code, 1);
  assert.match(stderr, /\[UNAUTHENTICATED\]\n$/);
});
