import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand, sendJson, sendProblem, standInGateway } from './command.fixture.ts';

const published = { id: 'ab'.repeat(32), origin: 'cd'.repeat(16), seq: 7, heldBy: 2, token: 'AQAA' };

test('sends the message with everything that was said of it, and prints the id', async () => {
  await using gateway = await standInGateway((_request, response) => sendJson(response, 201, published));
  const options = ['--key', 'k', '--header', 'a=1', '--header', 'b=x=y', '--content-type', 'text/html', '--acks', '2'];
  const result = await runCommand([
    'publish',
    'sensors/roof',
    'hot',
    ...options,
    '--idempotency-key',
    'once',
    ...gateway.target,
  ]);
  assert.deepEqual(result, { code: 0, stdout: `${published.id}\n`, stderr: '' });
  const [request] = gateway.requests;
  assert.equal(request?.path, '/mobile/v1/topics/sensors%2Froof/messages?acks=2');
  assert.equal(request?.headers.authorization, 'Bearer a-token');
  assert.equal(request?.headers['idempotency-key'], 'once');
  assert.deepEqual(request?.body, { body: 'hot', contentType: 'text/html', key: 'k', headers: { a: '1', b: 'x=y' } });
});

test('reads the body from standard input, byte for byte', async () => {
  await using gateway = await standInGateway((_request, response) => sendJson(response, 201, published));
  const result = await runCommand(['publish', 'hello', '--json', ...gateway.target], { stdin: ['\ufeffübe', 'r\n'] });
  assert.deepEqual(JSON.parse(result.stdout), published);
  assert.deepEqual(gateway.requests[0]?.body, { body: '\ufeffüber\n', headers: {} });
});

test('fewer nodes than asked for is a failure that still gives the id', async () => {
  await using gateway = await standInGateway((_request, response) => sendJson(response, 202, published));
  const result = await runCommand(['publish', 'hello', 'x', '--acks', '3', ...gateway.target]);
  assert.equal(result.code, 1);
  assert.equal(result.stdout, `${published.id}\n`);
  assert.match(result.stderr, /^grapevine: published, but 2 of 3 nodes .*\n$/);
});

test('what the server refuses is told with its code and the way out, in one line', async () => {
  await using gateway = await standInGateway((_request, response) =>
    sendProblem(response, 403, 'FORBIDDEN', 'This needs the scope messages:write.\u001b[2J'),
  );
  const result = await runCommand(['publish', 'hello', 'x', ...gateway.target]);
  assert.deepEqual(result, {
    code: 1,
    stdout: '',
    stderr:
      'grapevine: This needs the scope messages:write.\\u001b[2J Use a token with the scope that is missing; `grapevine token --scope` makes one. [FORBIDDEN]\n',
  });
});

test('of a service that is away nobody is told about headers that they do not see', async () => {
  await using gateway = await standInGateway((_request, response) =>
    sendProblem(response, 503, 'UNAVAILABLE', 'No node answers.'),
  );
  const { code, stderr } = await runCommand(['publish', 'hello', 'x', ...gateway.target]);
  assert.deepEqual([code, stderr], [2, 'grapevine: No node answers. Try again in a moment. [UNAVAILABLE]\n']);
});

test('a gateway that is away is exit code 2, wrong usage 64', async () => {
  const away = await runCommand(['publish', 'hello', 'x', '--url', 'http://127.0.0.1:9', '--token', 't']);
  assert.equal(away.code, 2);
  assert.match(away.stderr, /^grapevine: cannot reach the gateway at http:\/\/127\.0\.0\.1:9 \(.*--url\.\n$/);
  for (const args of [
    ['publish'],
    ['publish', 'a', 'b', '--acks', 'many'],
    ['publich'],
    ['publish', 'a', '--header', 'x'],
  ]) {
    const { code, stdout, stderr } = await runCommand(args);
    assert.equal(code, 64, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^grapevine: /);
  }
});

test('a topic or an input that cannot be is refused before anything is sent', async () => {
  const topic = await runCommand(['publish', 'no spaces', 'x', '--url', 'http://127.0.0.1:9', '--token', 't']);
  assert.match(topic.stderr, /\[INVALID_TOPIC\]\n$/);
  assert.equal(topic.code, 1);
});
