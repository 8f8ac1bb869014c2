import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { checkConfig } from '@grapevine/shared/config/load.ts';
import { ask } from './testing/ask.ts';
import { type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

const friend = 'https://app.example';
const preflight = { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' };
let gateway: RunningGateway;
let authorization: string;

before(async () => {
  gateway = await startRunningGateway({ cors: { origins: [friend], credentials: true, maxAgeSeconds: 60 } });
  authorization = `Bearer ${await gateway.token()}`;
  gateway.web.answerWith((_request, response) => {
    response.writeHead(200, { vary: 'accept', 'access-control-allow-origin': '*' }).end('{}');
  });
});
after(() => gateway.stop());

test('a preflight is answered at the edge, without a token', async () => {
  const begun = gateway.web.begun();
  const { status, headers } = await ask(`${gateway.url}/web/x`, {
    method: 'OPTIONS',
    headers: { origin: friend, ...preflight },
  });
  assert.equal(status, 204);
  assert.equal(headers['access-control-allow-origin'], friend);
  assert.equal(headers['access-control-allow-credentials'], 'true');
  assert.match(headers['access-control-allow-methods'] ?? '', /PUT/);
  assert.match(headers['access-control-allow-headers'] ?? '', /authorization/);
  assert.equal(headers['access-control-max-age'], '60');
  assert.match(headers.vary ?? '', /^origin, access-control-request-method/);
  assert.equal(gateway.web.begun(), begun);
});

test('other origins are refused: as a whole, not by their beginning or end', async () => {
  const begun = gateway.web.begun();
  const others = [
    'https://app.example.evil',
    'https://evil.app.example',
    'http://app.example',
    'null',
    `${friend}:8443`,
  ];
  for (const origin of others) {
    const { status, headers } = await ask(`${gateway.url}/web/x`, {
      method: 'OPTIONS',
      headers: { origin, ...preflight },
    });
    assert.deepEqual(
      [status, headers['access-control-allow-origin'], headers.vary],
      [403, undefined, 'origin'],
      origin,
    );
  }
  assert.equal(gateway.web.begun(), begun);
});

test('answers say who may read them, also refusals, and the upstream has no say', async () => {
  const read = (headers: Record<string, string>): ReturnType<typeof ask> => ask(`${gateway.url}/web/x`, { headers });
  const allowed = await read({ origin: friend, authorization });
  assert.deepEqual([allowed.status, allowed.headers['access-control-allow-origin']], [200, friend]);
  assert.match(allowed.headers['access-control-expose-headers'] ?? '', /etag/);
  assert.equal(allowed.headers.vary, 'accept, origin');
  const refused = await read({ origin: friend });
  assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [401, friend]);
  const foreign = await read({ origin: 'https://evil.example', authorization });
  assert.deepEqual([foreign.status, foreign.headers['access-control-allow-origin']], [200, undefined]);
  const noPage = await read({ authorization });
  assert.deepEqual([noPage.headers['access-control-allow-origin'], noPage.headers.vary], [undefined, 'accept, origin']);
});

test('all origins and credentials do not go together', () => {
  const environment = { GRAPEVINE_GATEWAY__CORS: '{origins: ["*"], credentials: true}' };
  const { problems } = checkConfig({ environment });
  assert.match(problems.map(({ message }) => message).join(), /no credentials for all origins/);
});

test('without the option, no page of another origin may read anything', async () => {
  const closed = await startRunningGateway();
  closed.web.answerWith((_request, response) => response.writeHead(200, { 'access-control-allow-origin': '*' }).end());
  const { status, headers } = await ask(`${closed.url}/web/x`, {
    headers: { origin: friend, authorization: `Bearer ${await closed.token()}` },
  });
  assert.deepEqual([status, headers['access-control-allow-origin'], headers.vary], [200, undefined, undefined]);
  await closed.stop();
});
