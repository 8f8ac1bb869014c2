import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { echoWebSocket } from './testing/echo-websockets.ts';
import { sendRaw, statuses } from './testing/raw-connection.ts';
import { type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

let gateway: RunningGateway;
const open: WebSocket[] = [];

async function start(settings: Record<string, unknown> = {}): Promise<void> {
  gateway = await startRunningGateway(settings);
  gateway.web.upgradeWith(echoWebSocket);
}

/** A WebSocket as a browser opens it, with the token among its subprotocols, or as programs do, with a header. */
async function openSocket(options: { protocols?: string[]; headers?: Record<string, string> }): Promise<WebSocket> {
  // Node's WebSocket takes headers, which the type of the browser's does not know.
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/web/graphql`, options as unknown as string[]);
  open.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error('refused'));
  });
  return socket;
}

async function authorized(): Promise<WebSocket> {
  return openSocket({ headers: { authorization: `Bearer ${await gateway.token()}` } });
}

async function echoed(socket: WebSocket, text: string): Promise<string> {
  const answer = once(socket, 'message') as Promise<[MessageEvent<string>]>;
  socket.send(text);
  return (await answer)[0].data;
}

function handshake(lines: string): string {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  return `GET /web/graphql HTTP/1.1\r\nHost: a\r\n${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines}\r\n`;
}

/** What comes back over a connection of its own, until it ends like this. */
async function readUntil(end: string, bytes: string): Promise<string> {
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  socket.write(bytes, 'latin1');
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    if (text.endsWith(end)) return text;
  }
  throw new Error(`the connection ended after ${text}`);
}

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

describe('a WebSocket', () => {
  before(() => start());
  after(() => gateway.stop());
  beforeEach(() => gateway.web.upgradeWith(echoWebSocket));

  test('carries messages both ways, and the upstream knows who is calling', async () => {
    const socket = await authorized();
    for (const text of ['a', 'b'.repeat(100), '']) assert.equal(await echoed(socket, text), text);
    const { headers } = gateway.web.upgrades.at(-1) ?? assert.fail();
    assert.equal(gateway.identities.verify(headers['grapevine-identity'] as string).subject, 'alice');
    assert.equal(headers.authorization, undefined);
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  });

  test('ends when its token does', async () => {
    const token = await gateway.token({ expiresIn: 60 });
    const socket = await openSocket({ headers: { authorization: `Bearer ${token}` } });
    const lasting = await authorized();
    const closed = once(socket, 'close') as Promise<[CloseEvent]>;
    assert.equal(await echoed(socket, 'a'), 'a');
    gateway.clock.advance(120_000);
    assert.equal((await closed)[0].code, 1001);
    assert.equal(await echoed(lasting, 'b'), 'b', 'the other one lasts');
    await assert.rejects(openSocket({ headers: { authorization: `Bearer ${token}` } }), /refused/);
  });

  test('may bring its token as a subprotocol, which the upstream never sees', async () => {
    gateway.web.upgradeWith((request, socket) => echoWebSocket(request, socket, 'graphql-transport-ws'));
    const socket = await openSocket({ protocols: ['graphql-transport-ws', `bearer.${await gateway.token()}`] });
    assert.equal(socket.protocol, 'graphql-transport-ws');
    assert.equal(await echoed(socket, 'a'), 'a');
    const { headers } = gateway.web.upgrades.at(-1) ?? assert.fail();
    assert.equal(headers['sec-websocket-protocol'], 'graphql-transport-ws');
    assert.equal(gateway.identities.verify(headers['grapevine-identity'] as string).subject, 'alice');
    assert.doesNotMatch(JSON.stringify(gateway.logs), /bearer\./);
  });

  test('head of the switch: what belongs to the inner connection does not pass, what is ours is there', async () => {
    const text = await readUntil('\r\n\r\n', handshake(`Authorization: Bearer ${await gateway.token()}\r\n`));
    assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(text, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    assert.match(text, /x-request-id: [0-9a-f]{32}\r\n/);
    assert.doesNotMatch(text, /secret/);
  });

  test('ends at the upstream when the client leaves, closed or cut, and counts as load until then', async () => {
    let upstreamSide: Duplex | undefined;
    gateway.web.upgradeWith((request, socket) => {
      upstreamSide = socket;
      echoWebSocket(request, socket);
    });
    const load = async (): Promise<string | undefined> => {
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return /upstream_in_flight\{upstream="web"[^}]*\} (\d+)/.exec(metrics)?.[1];
    };
    await until('earlier ones are gone', async () => (await load()) === '0');
    const socket = await authorized();
    assert.equal(await load(), '1');
    socket.close();
    await until('the upstream knows', () => upstreamSide?.destroyed === true);
    await until('the load is gone', async () => (await load()) === '0');
    const raw = connect({ port: gateway.port, host: '127.0.0.1' });
    raw.on('error', () => {});
    raw.write(handshake(`Authorization: Bearer ${await gateway.token()}\r\n`));
    await once(raw, 'data');
    raw.resetAndDestroy();
    await until('the upstream knows', () => upstreamSide?.destroyed === true);
    await until('it is logged', () => gateway.logs.some((line) => line['status'] === 101));
  });

  test('ends at the client when the upstream dies', async () => {
    let upstreamSide: Duplex | undefined;
    gateway.web.upgradeWith((request, socket) => {
      upstreamSide = socket;
      echoWebSocket(request, socket);
    });
    const socket = await authorized();
    const closed = once(socket, 'close');
    upstreamSide?.destroy();
    await closed;
  });

  test('frames that were sent along with the handshake are not lost', async () => {
    const frame = '\x81\x81\x00\x00\x00\x00a';
    const bytes = handshake(`Authorization: Bearer ${await gateway.token()}\r\n`) + frame;
    await readUntil('\r\n\r\n\x81\x01a', bytes);
  });

  test('much data in both directions arrives in order, held back by a slow reader', async () => {
    gateway.web.upgradeWith((request, socket) => {
      const { headers } = request;
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: ${headers.host}\r\n\r\n`,
      );
      socket.pipe(socket);
    });
    const size = 8 * 1024 * 1024;
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    socket.write(handshake(`Authorization: Bearer ${await gateway.token()}\r\n`));
    const [head] = (await once(socket, 'data')) as [Buffer];
    assert.match(head.toString(), /101/);
    // One frame of that length: the gateway only follows its length.
    const frame = Buffer.alloc(size, 'abcdefghijk');
    frame.set([0x82, 0x7f, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xf6]);
    socket.write(frame);
    const parts: Buffer[] = [];
    let read = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      parts.push(chunk);
      read += chunk.length;
      if (read >= size) break;
    }
    assert.ok(Buffer.concat(parts).equals(frame), 'what came back differs');
  });
});

describe('what is refused before an upstream hears of it', () => {
  before(() =>
    start({
      rateLimit: { principal: { perSecond: 1_000, burst: 1_000 }, address: { perSecond: 1_000, burst: 1_000 } },
    }),
  );
  after(() => gateway.stop());

  const cases: [name: string, path: string, lines: () => Promise<string>, status: number][] = [
    ['no token', '/web/graphql', async () => '', 401],
    ['a token that is none', '/web/graphql', async () => 'Authorization: Bearer x\r\n', 401],
    [
      'a subprotocol with a token that is none',
      '/web/graphql',
      async () => 'Sec-WebSocket-Protocol: a, bearer.x\r\n',
      401,
    ],
    ['a token in the address', '/web/graphql?access_token=x', async () => '', 401],
    [
      'a token without the scope',
      '/web/graphql',
      async () => `Authorization: Bearer ${await gateway.token({ scope: 'cluster:read' })}\r\n`,
      403,
    ],
    [
      'a path that opens none',
      '/mobile/v1/topics',
      async () => `Authorization: Bearer ${await gateway.token()}\r\n`,
      426,
    ],
    ['a public path that opens none', '/console/', async () => '', 426],
    ['a path that nothing serves', '/nowhere', async () => '', 404],
    ['a path that could be read in two ways', '/web/%2e%2e/graphql', async () => '', 400],
    ['two tokens', '/web/graphql', async () => 'Authorization: Bearer a\r\nAuthorization: Bearer b\r\n', 400],
  ];
  for (const [name, path, lines, status] of cases) {
    test(`${name}: ${status}, a problem document, and the connection closes`, async () => {
      const before = gateway.web.upgrades.length + gateway.web.begun() + gateway.mobile.begun();
      const bytes = handshake(await lines()).replace('/web/graphql', path);
      const answer = await sendRaw(gateway.port, `${bytes}GET /web/smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.deepEqual(statuses(answer.text), [status]);
      assert.match(answer.text, /application\/problem\+json/);
      assert.equal(answer.end, 'closed');
      assert.equal(gateway.web.upgrades.length + gateway.web.begun() + gateway.mobile.begun(), before);
    });
  }

  test('another protocol than WebSocket is not switched to, and the request is answered as it is', async () => {
    const lines = `Authorization: Bearer ${await gateway.token()}\r\nHTTP2-Settings: AAMAAABk\r\n`;
    const bytes = handshake(lines)
      .replace('Upgrade: websocket', 'Upgrade: h2c')
      .replace('Upgrade\r\n', 'Upgrade, close\r\n');
    assert.deepEqual(statuses((await sendRaw(gateway.port, bytes)).text), [200]);
    assert.equal(gateway.web.received.at(-1)?.headers.upgrade, undefined);
  });

  test('one in front of whose handshake an answer is still due is cut off', async () => {
    gateway.web.answerWith(() => {});
    const ask = `GET /web/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await gateway.token()}\r\n\r\n`;
    const { text, end } = await sendRaw(gateway.port, ask + handshake(''));
    assert.deepEqual([text, end === 'open'], ['', false]);
  });
});

describe('an upstream that', () => {
  before(() => start({ upstreamTimeoutMs: 300 }));
  after(() => gateway.stop());

  const ask = async (): Promise<string> =>
    (await sendRaw(gateway.port, handshake(`Authorization: Bearer ${await gateway.token()}\r\n`))).text;

  test('refuses the upgrade: its answer is passed on', async () => {
    gateway.web.upgradeWith(
      (_request, socket) => void socket.end('HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\nno'),
    );
    const text = await ask();
    assert.deepEqual(statuses(text), [418]);
    assert.match(text, /no$/);
  });

  test('hangs: 504', async () => {
    gateway.web.upgradeWith(() => {});
    assert.deepEqual(statuses(await ask()), [504]);
  });

  test('breaks off: 502', async () => {
    gateway.web.upgradeWith((_request, socket) => void socket.destroy());
    assert.deepEqual(statuses(await ask()), [502]);
  });

  test('is down: 503', async () => {
    await gateway.web.stop();
    assert.deepEqual(statuses(await ask()), [503]);
  });
});

describe('when the gateway leaves', () => {
  before(() => start({ drainMs: 10_000 }));

  test('clients are told by a close frame with 1001, and nothing holds it up', async () => {
    const [first, second] = [await authorized(), await authorized()];
    const closes = [first, second].map((socket) => once(socket, 'close') as Promise<[CloseEvent]>);
    await Promise.all([gateway.stop(), ...closes]);
    for (const close of closes) assert.equal((await close)[0].code, 1001);
  });
});
