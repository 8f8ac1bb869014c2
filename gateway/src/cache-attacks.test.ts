/** Cache poisoning (what one caller sends changes what others get) and cache deception (one caller gets what is another's). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ask, type Told } from './testing/ask.ts';
import { sendRaw, statuses } from './testing/raw-connection.ts';
import { type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

const rate = { perSecond: 10_000_000, burst: 10_000_000 };
const cached = { upstream: 'web', cache: true };
const routes = [
  { ...cached, name: 'open', path: '/open/**', scopes: 'public' },
  { ...cached, name: 'closed', path: '/closed/**', scopes: { read: 'messages:read', write: 'messages:write' } },
];

let gateway: RunningGateway;
let terms: Record<string, string>;
/** Behind each test's paths, so that none meets what another left. */
let own = 0;
before(async () => {
  gateway = await startRunningGateway({ routes, rateLimit: { principal: rate, address: rate } });
});
beforeEach(() => {
  own++;
  terms = { 'cache-control': 'max-age=60' };
  // The worst upstream that there can be: it shows all that it is sent, and has it kept.
  gateway.web.answerWith((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const { method, url, rawHeaders } = request;
      const seen = JSON.stringify([method, url, rawHeaders, Buffer.concat(chunks).toString()]);
      response.writeHead(200, terms).end(seen);
    });
  });
});
after(() => gateway.stop());

const open = (rest = ''): string => `${gateway.url}/open/${own}${rest}`;
const bearer = async (subject: string, scope?: string): Promise<Record<string, string>> => ({
  authorization: `Bearer ${await gateway.token(scope === undefined ? { subject } : { subject, scope })}`,
});
const isHit = ({ headers }: Told): boolean => String(headers['cache-status']).startsWith('grapevine; hit');

describe('poisoning by what is no part of the address', () => {
  const forged: Readonly<Record<string, string>> = {
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Scheme': 'evil',
    'X-Forwarded-Proto': 'evil',
    'X-Forwarded-Port': '666evil',
    'X-Forwarded-Prefix': '/evil',
    'X-Forwarded-Server': 'evil.example',
    'X-Forwarded-For': '6.6.6.6, evil',
    'X-Host': 'evil.example',
    'X-Original-Host': 'evil.example',
    'X-Original-URL': '/evil',
    'X-Rewrite-URL': '/evil',
    'X-HTTP-Method-Override': 'EVIL',
    'X-HTTP-Method': 'EVIL',
    'X-Method-Override': 'EVIL',
    'X-Real-IP': 'evil',
    Forwarded: 'host=evil.example',
    Via: '1.1 evil',
    'X-Request-Id': 'evil',
    X_Forwarded_Host: 'evil.example',
    'Proxy-Connection': 'evil',
    TE: 'evil',
  };
  for (const [name, value] of Object.entries(forged)) {
    test(`${name} leaves no trace in what others get`, async () => {
      await ask(open(), { headers: { [name]: value } });
      const victim = await ask(open());
      // The request id is each request's own: what was kept must not say it twice.
      if (name === 'X-Request-Id') assert.notEqual(victim.headers['x-request-id'], value);
      else assert.doesNotMatch(victim.body, /evil/i);
    });
  }

  test('a header that the answer varies by spoils only what has the same one', async () => {
    terms = { ...terms, vary: 'x-theme' };
    await ask(open(), { headers: { 'x-theme': 'evil' } });
    assert.doesNotMatch((await ask(open(), { headers: { 'x-theme': 'dark' } })).body, /evil/);
    assert.doesNotMatch((await ask(open())).body, /evil/);
  });

  test('what the gateway writes itself selects by what it writes, not by what a client claims', async () => {
    terms = { ...terms, vary: 'x-forwarded-host, x-forwarded-proto, grapevine-identity' };
    const forgery = { 'X-Forwarded-Host': 'evil', 'X-Forwarded-Proto': 'https', 'Grapevine-Identity': 'evil' };
    await ask(open(), { headers: forgery });
    const victim = await ask(open());
    assert.ok(isHit(victim), 'both were asked alike');
    assert.doesNotMatch(victim.body, /evil/);
  });

  for (const [name, headers, body] of [
    ['with a length', 'Content-Length: 4', 'evil'],
    ['in chunks', 'Transfer-Encoding: chunked', '4\r\nevil\r\n0\r\n\r\n'],
  ] as const) {
    test(`a GET with a body ${name} is neither kept nor answered from what is kept`, async () => {
      const fat = `GET /open/${own} HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nConnection: close\r\n${headers}\r\n\r\n${body}`;
      assert.match((await sendRaw(gateway.port, fat)).text, /evil/);
      const victim = await ask(open());
      assert.doesNotMatch(victim.body, /evil/);
      assert.match((await sendRaw(gateway.port, fat)).text, /evil/);
      assert.equal((await ask(open())).body, victim.body);
    });
  }

  test('parameters twice, in another order, encoded or empty are each an address of their own', async () => {
    const queries = [
      '',
      '?',
      '?a=1',
      '?a=2',
      '?a=1&a=2',
      '?a=2&a=1',
      '?%61=1',
      '?a=1&',
      '?a=1&utm=evil',
      '?A=1',
      '?a=1;a=2',
    ];
    for (const query of queries) {
      // Node's client would leave an empty query out.
      const text = `GET /open/${own}${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      assert.match((await sendRaw(gateway.port, text)).text, /fwd=uri-miss/, query);
      assert.match((await sendRaw(gateway.port, text)).text, /grapevine; hit/, query);
    }
  });
});

describe('poisoning by the host', () => {
  const get = (target: string, host: string): string => `GET ${target} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;

  test('another Host is another address', async () => {
    await sendRaw(gateway.port, get(`/open/${own}`, 'Host: evil.example\r\n'));
    const { text } = await sendRaw(gateway.port, get(`/open/${own}`, 'Host: good.example\r\n'));
    assert.doesNotMatch(text, /evil/);
  });

  for (const [name, target, host] of [
    ['an absolute target', 'http://evil.example/open/x', 'Host: good.example\r\n'],
    ['two Hosts', '/open/x', 'Host: good.example\r\nHost: evil.example\r\n'],
    ['a Host with a path', '/open/x', 'Host: good.example/evil\r\n'],
    ['a Host with user information', '/open/x', 'Host: good.example@evil.example\r\n'],
    ['a Host with white space', '/open/x', 'Host: good.example evil.example\r\n'],
    ['no Host', '/open/x', ''],
  ] as const) {
    test(`${name} is refused, and the refusal is not kept`, async () => {
      assert.deepEqual(statuses((await sendRaw(gateway.port, get(target, host))).text), [400]);
      const { text } = await sendRaw(gateway.port, get(`/open/${own}`, 'Host: good.example\r\n'));
      assert.deepEqual(statuses(text), [200]);
    });
  }

  test('HTTP/1.0 without a host has no address to keep anything under', async () => {
    const before = gateway.web.begun();
    for (const _ of [1, 2]) await sendRaw(gateway.port, `GET /open/${own} HTTP/1.0\r\n\r\n`);
    assert.equal(gateway.web.begun() - before, 2);
  });
});

describe('taking a page away from everybody', () => {
  test('by a header that is too large, or is none', async () => {
    const tooLarge = `GET /open/${own} HTTP/1.1\r\nHost: a\r\nX-Big: ${'x'.repeat(64 * 1024)}\r\n\r\n`;
    assert.deepEqual(statuses((await sendRaw(gateway.port, tooLarge)).text), [431]);
    const broken = `GET /open/${own} HTTP/1.1\r\nHost: a\r\nX-Meta: a\u0001b\r\n\r\n`;
    assert.deepEqual(statuses((await sendRaw(gateway.port, broken)).text), [400]);
    const { text } = await sendRaw(gateway.port, `GET /open/${own} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.deepEqual(statuses(text), [200]);
  });

  test('by an error that the upstream wants kept', async () => {
    gateway.web.answerWith((request, response) => {
      response.writeHead(request.headers['x-broken'] === undefined ? 200 : 400, terms).end('told');
    });
    assert.equal((await ask(open(), { headers: { 'x-broken': '1' } })).status, 400);
    assert.equal((await ask(open())).status, 200);
  });

  test('by HEAD, by a part, or by a condition that the origin would answer without a body', async () => {
    for (const [index, question] of [
      { method: 'HEAD' },
      { headers: { range: 'bytes=0-0' } },
      { headers: { 'if-none-match': '*' } },
      { headers: { 'if-modified-since': new Date(gateway.clock.wallMs()).toUTCString() } },
      { headers: { 'if-match': '"none"' } },
    ].entries()) {
      gateway.web.answerWith((request, response) => {
        const { range, 'if-none-match': tags, 'if-modified-since': since, 'if-match': match } = request.headers;
        if (range !== undefined) response.writeHead(206, { ...terms, 'content-range': 'bytes 0-0/5' }).end('w');
        else if (tags !== undefined || since !== undefined) response.writeHead(304, terms).end();
        else if (match !== undefined) response.writeHead(412, terms).end();
        else response.writeHead(200, { ...terms, 'content-length': '5' }).end('whole');
      });
      await ask(open(`/${index}`), question);
      assert.deepEqual([(await ask(open(`/${index}`))).status, (await ask(open(`/${index}`))).body], [200, 'whole']);
    }
  });

  test('by asking for a purge', async () => {
    await ask(open());
    const purge = `PURGE /open/${own} HTTP/1.1\r\nHost: 127.0.0.1:${gateway.port}\r\nConnection: close\r\n\r\n`;
    assert.deepEqual(statuses((await sendRaw(gateway.port, purge)).text), [405]);
    await ask(`${gateway.url}/cache/purge?all=true`, { method: 'POST' });
    assert.ok(isHit(await ask(open())));
  });

  test('by answers without end that differ in a header: the others stay within their bound', async () => {
    terms = { ...terms, vary: 'x-any' };
    await ask(open('/kept'));
    for (let count = 0; count < 100; count++) await ask(open(), { headers: { 'x-any': String(count) } });
    const { entries } = (await (await fetch(`${gateway.adminUrl}/cache`)).json()) as { entries: number };
    assert.ok(entries < 200, `${entries} entries`);
    assert.ok(isHit(await ask(open('/kept'))));
  });
});

describe('getting what is another caller’s', () => {
  test('by an address that looks like a file that everybody may have', async () => {
    const alice = await bearer('alice');
    const mallory = await bearer('mallory');
    gateway.web.answerWith((request, response) => {
      const { sub } = JSON.parse(
        Buffer.from(String(request.headers['grapevine-identity']).split('.')[1] ?? '', 'base64url').toString(),
      ) as { sub: string };
      response.writeHead(200, terms).end(`the secret of ${sub}`);
    });
    for (const cacheControl of ['', 'max-age=60', 'must-revalidate, max-age=60', 'private, max-age=60']) {
      terms = cacheControl === '' ? { etag: '"1"' } : { 'cache-control': cacheControl };
      for (const path of [
        '/x.css',
        '/me/x.css',
        '/me%2Ex.css',
        '/me%23.css',
        '/me%3Fx.css',
        '/me?x.css',
        '/static/me.js',
      ]) {
        const address = `${gateway.url}/closed/${own}-${cacheControl.length}${path}`;
        assert.equal((await ask(address, { headers: alice })).body, 'the secret of alice', address);
        assert.equal((await ask(address, { headers: mallory })).body, 'the secret of mallory', address);
        assert.equal((await ask(address)).status, 401, address);
      }
    }
  });

  for (const path of [
    '/me;x.css',
    '/me/..%2fx.css',
    '/me%0a.css',
    '/me%00.css',
    '/me\\x.css',
    '/me%2f..%2fx.css',
    '/me//x.css',
    '/me%252ex.css',
  ]) {
    test(`by a path that two could read differently: ${path}`, async () => {
      const { authorization } = await bearer('alice');
      const text = `GET /closed${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`;
      assert.deepEqual(statuses((await sendRaw(gateway.port, text)).text), [400]);
    });
  }

  test('without a token, or with one that allows something else, though it is kept for everybody', async () => {
    terms = { 'cache-control': 'public, max-age=60' };
    const address = `${gateway.url}/closed/${own}`;
    await ask(address, { headers: await bearer('alice') });
    assert.ok(isHit(await ask(address, { headers: await bearer('bob') })));
    assert.equal((await ask(address)).status, 401);
    assert.equal((await ask(address, { headers: { 'cache-control': 'only-if-cached' } })).status, 401);
    assert.equal((await ask(address, { headers: await bearer('carol', 'cluster:read') })).status, 403);
    assert.equal((await ask(address, { headers: { authorization: 'Bearer forged' } })).status, 401);
  });

  test('by the same name with other scopes', async () => {
    terms = { 'cache-control': 'must-revalidate, max-age=60' };
    const address = `${gateway.url}/closed/${own}`;
    await ask(address, { headers: await bearer('alice', 'messages:read cluster:admin') });
    assert.ok(!isHit(await ask(address, { headers: await bearer('alice', 'messages:read') })));
    assert.ok(isHit(await ask(address, { headers: await bearer('alice', 'messages:read cluster:admin') })));
  });

  test('by the cookie that came with it', async () => {
    terms = { ...terms, 'set-cookie': 'session=alice' };
    await ask(open());
    assert.ok(!isHit(await ask(open())));
  });

  test('by what is pipelined: each answer belongs to its request', async () => {
    await ask(open('/kept'));
    const host = `Host: 127.0.0.1:${gateway.port}\r\n`;
    const bytes =
      `GET /open/${own}/slow HTTP/1.1\r\n${host}\r\n` +
      `GET /open/${own}/kept HTTP/1.1\r\n${host}\r\n` +
      `GET /open/${own}/last HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    const { text } = await sendRaw(gateway.port, bytes);
    const order = [...text.matchAll(/\["GET","([^"]*)"/g)].map(([, path]) => path);
    assert.deepEqual(order, [`/open/${own}/slow`, `/open/${own}/kept`, `/open/${own}/last`]);
  });
});
