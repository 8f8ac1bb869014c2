import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sendRaw, statuses } from './testing/raw-connection.ts';
import { startRecordingUpstream } from './testing/recording-upstream.ts';
import { type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

const scopes = { read: 'messages:read', write: 'messages:write' };

describe('routes of a configuration', () => {
  let gateway: RunningGateway;
  let third: Awaited<ReturnType<typeof startRecordingUpstream>>;
  before(async () => {
    third = await startRecordingUpstream();
    gateway = await startRunningGateway({
      upstreams: { third: [third.url] },
      routes: [
        { name: 'by-host', hosts: ['*.example.org'], path: '/**', upstream: 'third', scopes: 'public' },
        { name: 'by-header', path: '/mobile/v1/**', headers: { 'x-beta': 'present' }, upstream: 'third', scopes },
        {
          name: 'mobile-v1',
          path: '/mobile/v1/**',
          upstream: 'mobile',
          scopes,
          deprecation: { since: '2026-01-01', sunset: '2027-01-01', link: 'https://docs.example/v2' },
        },
        { name: 'mobile-v2', path: '/mobile/v2/**', upstream: 'mobile', scopes, rewrite: '/mobile/v1' },
        {
          name: 'changed',
          path: '/web/changed',
          upstream: 'web',
          scopes: { ...scopes, DELETE: 'cluster:admin' },
          requestHeaders: { set: { 'x-new': 'by us', 'x-replaced': 'by us' }, remove: ['x-secret'] },
          answerHeaders: { set: { 'x-frame-options': 'SAMEORIGIN', 'cache-control': 'no-store' }, remove: ['x-inner'] },
        },
        { name: 'small', path: '/web/small', upstream: 'web', scopes, maxBodyBytes: 10, timeoutMs: 50 },
        { name: 'seldom', path: '/web/seldom', upstream: 'web', scopes, rate: { perSecond: 1, burst: 2 } },
        { name: 'web', path: '/web/{name}/**', upstream: 'web', scopes, methods: ['GET', 'POST'] },
      ],
    });
  });
  after(async () => {
    await gateway.stop();
    await third.stop();
  });

  test('by host, whatever the path', async () => {
    const { text } = await sendRaw(
      gateway.port,
      'GET /x HTTP/1.1\r\nHost: api.example.org:80\r\nConnection: close\r\n\r\n',
    );
    assert.deepEqual(statuses(text), [200]);
    assert.equal(third.received.at(-1)?.url, '/x');
  });

  test('by header, else the next one', async () => {
    await gateway.fetch('/mobile/v1/x', { headers: { 'x-beta': '1' } });
    assert.equal(third.received.at(-1)?.url, '/mobile/v1/x');
    await gateway.fetch('/mobile/v1/y');
    assert.equal(gateway.mobile.received.at(-1)?.url, '/mobile/v1/y');
  });

  test('two versions side by side: the old one says so on every answer, the new one arrives under another path', async () => {
    const token = await gateway.token({ scope: 'cluster:read' });
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      const old = await gateway.fetch('/mobile/v1/topics', { headers });
      assert.equal(old.headers.get('deprecation'), '@1767225600');
      assert.equal(old.headers.get('sunset'), 'Fri, 01 Jan 2027 00:00:00 GMT');
      assert.equal(old.headers.get('link'), '<https://docs.example/v2>; rel="deprecation"');
    }
    const current = await gateway.fetch('/mobile/v2/topics/a%20b?x=1');
    assert.equal(current.headers.get('deprecation'), null);
    assert.equal(gateway.mobile.received.at(-1)?.url, '/mobile/v1/topics/a%20b?x=1');
  });

  test('headers are set, replaced and removed on both ways', async () => {
    gateway.web.answerWith((_request, response) =>
      response.writeHead(200, { 'x-inner': '1', 'cache-control': 'public', 'x-stays': '1' }).end(),
    );
    const response = await gateway.fetch('/web/changed', {
      headers: { 'x-replaced': 'by them', 'x-secret': '1', 'x-stays': '1' },
    });
    const seen = gateway.web.received.at(-1)?.headers ?? {};
    assert.deepEqual(
      ['x-new', 'x-replaced', 'x-secret', 'x-stays'].map((name) => seen[name]),
      ['by us', 'by us', undefined, '1'],
    );
    assert.deepEqual(
      ['x-frame-options', 'cache-control', 'x-inner', 'x-stays'].map((name) => response.headers.get(name)),
      ['SAMEORIGIN', 'no-store', null, '1'],
    );
  });

  test('scopes by method', async () => {
    assert.equal((await gateway.fetch('/web/changed', { method: 'PUT' })).status, 200);
    assert.equal((await gateway.fetch('/web/changed', { method: 'DELETE' })).status, 403);
  });

  test('limits of size, time and rate of one route', async () => {
    assert.equal((await gateway.fetch('/web/small', { method: 'POST', body: 'x'.repeat(11) })).status, 413);
    const chunked = { method: 'POST', body: new Blob(['x'.repeat(11)]).stream(), duplex: 'half' } as RequestInit;
    assert.equal((await gateway.fetch('/web/small', chunked)).status, 413);
    gateway.web.answerWith(() => {});
    assert.equal((await gateway.fetch('/web/small')).status, 504);
    gateway.web.answerWith((_request, response) => void response.end());
    const found = await Promise.all([1, 2, 3].map(() => gateway.fetch('/web/seldom')));
    assert.deepEqual(found.map(({ status }) => status).sort(), [200, 200, 429]);
    assert.equal((await gateway.fetch('/web/other')).status, 200);
  });

  test('a name in a path takes an encoded slash as data; elsewhere it could be read in two ways', async () => {
    assert.equal((await gateway.fetch('/web/a%2Fb/c')).status, 200);
    assert.equal(gateway.web.received.at(-1)?.url, '/web/a%2Fb/c');
    for (const target of ['/web/a/b%2Fc', '/mobile/v1/a%2Fb', '/nowhere%2Fx']) {
      assert.equal((await gateway.fetch(target)).status, 400, target);
    }
  });

  test('methods and paths that no route has', async () => {
    const wrong = await gateway.fetch('/web/x', { method: 'DELETE' });
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, POST']);
    assert.equal((await gateway.fetch('/web')).status, 404);
  });
});
