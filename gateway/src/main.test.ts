import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, test } from 'node:test';
import { readyPorts, startProcess } from './testing/gateway-process.ts';
import { startRecordingUpstream } from './testing/recording-upstream.ts';
import { signWithHmac, until } from './testing/running-gateway.ts';

test('it says when it is ready, serves, and leaves with 0 on SIGTERM after what was in flight is done', async () => {
  const upstream = await startRecordingUpstream();
  const gateway = startProcess({ GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream.url]) });
  const { http, admin } = await readyPorts(gateway);
  const headers = { authorization: `Bearer ${await signWithHmac('alice')}` };
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  upstream.answerWith((_request, response) => void released.then(() => response.end('done')));
  const slow = fetch(`http://127.0.0.1:${http}/web/x`, { headers });
  await until('the upstream has it', () => upstream.begun() === 1);
  upstream.answerWith((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  });
  const stream = await fetch(`http://127.0.0.1:${http}/web/x`, { headers });

  gateway.child.kill('SIGTERM');
  await until('it drains', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).status === 503);
  assert.equal(await stream.text(), ': the server goes away\n\n', 'an event stream ends cleanly');
  await assert.rejects(once(connect(http, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
  release();
  const answer = await slow;
  assert.equal(await answer.text(), 'done');
  assert.equal(answer.headers.get('connection'), 'close');
  assert.deepEqual(await gateway.exit, { code: 0, signal: null });
  assert.match(gateway.output(), /"msg":"ready"/);
  assert.equal(gateway.errors(), '');
  await upstream.stop();
});

test('it leaves when its supervisor is gone', async () => {
  const gateway = startProcess({});
  await readyPorts(gateway);
  gateway.child.disconnect();
  assert.deepEqual(await gateway.exit, { code: 0, signal: null });
});

describe('what it cannot start with is one line and exit code 1', () => {
  const cases: [name: string, environment: Record<string, string>, args: readonly string[], line: RegExp][] = [
    ['a missing JWKS file', { GRAPEVINE_GATEWAY__AUTH__JWKS_FILE: '/absent' }, [], /\/absent.*CONFIG_INVALID/],
    ['a missing edge key', { GRAPEVINE_SECRETS__EDGE_KEY_FILE: '/absent' }, [], /\/absent.*CONFIG_INVALID/],
    ['a value that is not allowed', { GRAPEVINE_GATEWAY__MAX_BODY_BYTES: '-1' }, [], /MAX_BODY_BYTES.*CONFIG_INVALID/],
    ['a missing configuration file', {}, ['--config', '/absent.yaml'], /\/absent\.yaml.*CONFIG_INVALID/],
    ['an unknown flag', {}, ['--what'], /--what/],
  ];
  for (const [name, environment, args, line] of cases) {
    test(name, async () => {
      const gateway = startProcess(environment, args);
      assert.equal((await gateway.exit).code, 1);
      assert.match(gateway.errors(), /^gateway: [^\n]+\n$/);
      assert.match(gateway.errors(), line);
    });
  }

  for (const variable of ['GRAPEVINE_GATEWAY__PORT', 'GRAPEVINE_GATEWAY__ADMIN_PORT']) {
    test(`a port that is taken: ${variable}`, async () => {
      const holder = createServer();
      await new Promise<void>((resolve) => {
        holder.listen(0, '127.0.0.1', resolve);
      });
      const { port } = holder.address() as AddressInfo;
      const gateway = startProcess({ [variable]: String(port) });
      assert.equal((await gateway.exit).code, 1);
      assert.match(
        gateway.errors(),
        new RegExp(`^gateway: Port ${port} [^\\n]*--base-port[^\\n]*PORT_TAKEN[^\\n]*\\n$`),
      );
      holder.close();
    });
  }
});
