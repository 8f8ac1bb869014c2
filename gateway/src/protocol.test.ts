import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type RawAnswer, sendRaw, statuses } from './testing/raw-connection.ts';
import { type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

let gateway: RunningGateway;
let authorized: string;
const close = 'Connection: close\r\n';
before(async () => {
  gateway = await startRunningGateway({ maxBodyBytes: 1_024 });
  authorized = `Host: a\r\nAuthorization: Bearer ${await gateway.token({ expiresIn: 86_400 })}\r\n`;
});
after(() => gateway.stop());

/** Sends one request with these header lines and whatever follows them. */
function send(startLine: string, lines: string, body = ''): Promise<RawAnswer> {
  return sendRaw(gateway.port, `${startLine}\r\n${lines}\r\n${body}`);
}

async function refused(bytes: string, status: number): Promise<void> {
  const before = gateway.web.received.length;
  const { text } = await sendRaw(gateway.port, bytes);
  assert.deepEqual(statuses(text), [status], text);
  assert.match(text, /application\/problem\+json/);
  assert.equal(gateway.web.received.length, before, 'an upstream took it as a whole request');
}

describe('requests that two parsers could take differently are refused', () => {
  const smuggled = 'GET /web/smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
  const chunked = (coding: string): string => `Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n${smuggled}`;
  const shapes: [name: string, rest: string][] = [
    ['a length next to a transfer coding', `Content-Length: 6\r\n${chunked('chunked')}`],
    [
      'a transfer coding next to a length',
      `Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ['two different lengths', `Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello${smuggled}`],
    ['a list of lengths', `Content-Length: 5, 6\r\n\r\nhello${smuggled}`],
    ['a signed length', `Content-Length: +5\r\n\r\nhello${smuggled}`],
    ['a hexadecimal length', `Content-Length: 0x5\r\n\r\nhello${smuggled}`],
    ['a negative length', `Content-Length: -1\r\n\r\nhello${smuggled}`],
    ['an unknown coding', chunked('xchunked')],
    ['a coding that is not last', chunked('chunked, identity')],
    ['another coding before chunked', chunked('gzip, chunked')],
    ['chunked twice', `Transfer-Encoding: chunked\r\n${chunked('chunked')}`],
    ['white space before the colon', `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a folded header', `X: a\r\n Transfer-Encoding: chunked\r\n\r\n${smuggled}`],
    ['a bare carriage return', `X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a broken chunk size', 'Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n'],
    ['a chunk longer than it says', 'Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n'],
    ['a null byte in a header', 'X: a\x00b\r\n\r\n'],
    ['a second Host', 'Host: b\r\n\r\n'],
    ['a second Authorization', 'Authorization: Bearer x\r\n\r\n'],
  ];
  for (const [name, rest] of shapes) {
    test(name, () => refused(`POST /web/x HTTP/1.1\r\n${authorized}${rest}`, 400));
  }

  test('a missing or odd Host', async () => {
    for (const host of ['', 'Host: a b\r\n', 'Host: a/b\r\n', 'Host: a@b\r\n', 'Host:\r\n']) {
      await refused(`GET /web/x HTTP/1.1\r\n${host}\r\n`, 400);
    }
  });

  const targets = [
    'http://evil.example/web/x',
    '*',
    '/web/../mobile/v1/topics',
    '/console/..%2fweb/graphql',
    '/console/%2e%2e/web/graphql',
    '/console/.%2E/web',
    '/console\\..\\web',
    '/console/%5c..%5cweb',
    '//web/x',
    '/web//x',
    '/web/%2Fx',
    '/mobile/v1/topics/a/messages%2F..',
    '/web/%zz',
    '/web/%ff',
    '/web/a%00b',
    '/web/a%0d%0ab',
    '/web/x#y',
    '/web/\xe9',
  ];
  for (const target of targets) {
    test(`the target ${JSON.stringify(target)}`, () =>
      refused(`GET ${target} HTTP/1.1\r\n${authorized}${close}\r\n`, 400));
  }
});

describe('syntax and size', () => {
  test('bytes that are not HTTP get a problem document and the connection closes', async () => {
    const answer = await sendRaw(gateway.port, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n');
    assert.deepEqual(statuses(answer.text), [400]);
    assert.match(answer.text, /"code":"BAD_REQUEST"/);
    assert.equal(answer.end, 'closed');
  });

  test('headers over 16 KiB together, and too many of them: 431', async () => {
    const large = await send('GET /web/x HTTP/1.1', `${authorized}X: ${'x'.repeat(20_000)}\r\n`);
    assert.deepEqual(statuses(large.text), [431]);
    assert.match(large.text, /HEADERS_TOO_LARGE/);
    const many = await send('GET /web/x HTTP/1.1', `${authorized}${'a: b\r\n'.repeat(100)}`);
    assert.deepEqual(statuses(many.text), [431]);
  });

  test('headers far down the list are not lost: the length of a body behind 2,000 of them cannot be', async () => {
    const answer = await send(
      'POST /web/x HTTP/1.1',
      `${authorized}${'a:\r\n'.repeat(2_100)}Content-Length: 5\r\n`,
      'hello',
    );
    assert.deepEqual(statuses(answer.text), [431]);
  });

  test('a body announced as too large gets 413 before it is sent', async () => {
    const begun = gateway.web.begun();
    const answer = await send('POST /web/x HTTP/1.1', `${authorized}${close}Content-Length: 1025\r\n`);
    assert.deepEqual(statuses(answer.text), [413]);
    assert.match(answer.text, /larger than 1024 bytes.*PAYLOAD_TOO_LARGE/);
    assert.equal(gateway.web.begun(), begun);
  });

  test('a client that sends a large body all the same can still read its 413', async () => {
    const response = await gateway.fetch('/web/x', { method: 'POST', body: 'x'.repeat(4 * 1024 * 1024) });
    assert.equal(response.status, 413);
  });

  test('a chunked body is cut with 413 once it has become too large, and its upstream request ends', async () => {
    const [begun, aborted] = [gateway.web.begun(), gateway.web.aborted()];
    const body = new ReadableStream({
      start(controller) {
        for (let part = 0; part < 40; part++) controller.enqueue(new Uint8Array(100));
        controller.close();
      },
    });
    const response = await gateway.fetch('/web/x', { method: 'POST', body, duplex: 'half' } as RequestInit);
    assert.equal(response.status, 413);
    assert.equal(((await response.json()) as { code: string }).code, 'PAYLOAD_TOO_LARGE');
    if (gateway.web.begun() > begun) await until('it ends', () => gateway.web.aborted() > aborted);
  });

  test('after a chunked body that was too large its connection can be used again', async () => {
    const chunk = `${(1024 * 1024).toString(16)}\r\n${'x'.repeat(1024 * 1024)}\r\n`;
    const first = `POST /web/x HTTP/1.1\r\n${authorized}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
    const { text } = await sendRaw(gateway.port, `${first}GET /web/x HTTP/1.1\r\n${authorized}${close}\r\n`);
    assert.deepEqual(statuses(text), [413, 200]);
  });

  test('a body of exactly the limit passes, with a length and chunked', async () => {
    const body = 'x'.repeat(1_024);
    assert.equal((await gateway.fetch('/web/x', { method: 'POST', body })).status, 200);
    const stream = new Blob([body]).stream();
    const init = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
    assert.equal((await gateway.fetch('/web/x', init)).status, 200);
  });
});

describe('a client that reads nothing before it has sent everything still gets its answer', () => {
  // More than the kernel buffers of both sides hold together.
  const flood = 'x'.repeat(16 * 1024 * 1024);
  const floods: [where: string, bytes: () => string, status: number][] = [
    [
      'after an upgrade',
      () => `GET /mobile/v1/x HTTP/1.1\r\n${authorized}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      426,
    ],
    ['after broken syntax', () => 'GET /web/x HTTP/1.1\r\nbroken\r\n\r\n', 400],
    ['in headers', () => `GET /web/x HTTP/1.1\r\n${authorized}X: `, 431],
    [
      'in a body with a length',
      () => `POST /web/x HTTP/1.1\r\n${authorized}${close}Content-Length: ${flood.length}\r\n\r\n`,
      413,
    ],
    [
      'in a chunked body',
      () => `POST /web/x HTTP/1.1\r\n${authorized}Transfer-Encoding: chunked\r\n\r\n${flood.length.toString(16)}\r\n`,
      413,
    ],
  ];
  for (const [where, bytes, status] of floods) {
    test(`${where}: ${status}`, async () => {
      const answer = await sendRaw(gateway.port, bytes() + flood, { readLate: true });
      assert.deepEqual(statuses(answer.text).slice(0, 1), [status]);
      // A reset can overtake the answer on its way, though it does not on one machine.
      if (status !== 413) assert.equal(answer.end, 'closed');
    });
  }
});

describe('slow senders', () => {
  let impatient: RunningGateway;
  let token: string;
  before(async () => {
    impatient = await startRunningGateway({ requestTimeoutMs: 300 });
    token = `Host: a\r\nAuthorization: Bearer ${await impatient.token()}\r\n`;
  });
  after(() => impatient.stop());

  const stalls: [name: string, bytes: () => string][] = [
    ['in the headers', () => 'GET /web/x HTTP/1.1\r\nHost: a\r\n'],
    ['in a body with a length', () => `POST /web/x HTTP/1.1\r\n${token}Content-Length: 10\r\n\r\nhello`],
    ['in a long body', () => `POST /web/x HTTP/1.1\r\n${token}Content-Length: 100000\r\n\r\nhello`],
    ['in a chunked body', () => `POST /web/x HTTP/1.1\r\n${token}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
  ];
  for (const [where, bytes] of stalls) {
    test(`${where}: 408, and the connection closes`, async () => {
      const { text, end } = await sendRaw(impatient.port, bytes());
      assert.deepEqual(statuses(text), [408]);
      assert.match(text, /REQUEST_TIMEOUT/);
      assert.equal(end, 'closed');
      await until('the upstream is freed', () => impatient.web.aborted() === impatient.web.begun());
    });
  }
});

test('requests that a client sends without waiting are handled in turn', async () => {
  const finish: (() => void)[] = [];
  gateway.mobile.answerWith((_request, response) => void finish.push(() => response.end()));
  const begun = gateway.mobile.begun();
  const one = `GET /mobile/v1/x HTTP/1.1\r\n${authorized}`;
  const answers = sendRaw(gateway.port, `${one}\r\n${one}\r\n${one}${close}\r\n`);
  for (let open = 1; open <= 3; open++) {
    await until('the next one has begun', () => finish.length === open);
    assert.equal(gateway.mobile.begun() - begun, open);
    finish.at(-1)?.();
  }
  assert.deepEqual(statuses((await answers).text), [200, 200, 200]);
});

test('CONNECT is refused', async () => {
  const answer = await send('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example:443\r\n');
  assert.deepEqual(statuses(answer.text), [405]);
});

test('methods and paths that nothing serves are told apart', async () => {
  const unknown = await gateway.fetch('/nowhere');
  assert.equal(unknown.status, 404);
  const wrong = await gateway.fetch('/console/', { method: 'POST' });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get('allow'), 'GET, HEAD');
  const trace = await send('TRACE /web/x HTTP/1.1', authorized + close);
  assert.deepEqual(statuses(trace.text), [405]);
});

test('clients that reset their connections at any moment do no harm', async () => {
  const request = `POST /web/x HTTP/1.1\r\n${authorized}Content-Length: 10\r\n\r\nhello`;
  for (let length = 0; length < request.length; length += 7) {
    await new Promise<void>((resolve) => {
      const socket = connect({ port: gateway.port, host: '127.0.0.1' }, () => {
        socket.write(request.slice(0, length), () => socket.resetAndDestroy());
      });
      socket.once('close', () => resolve());
      socket.on('error', () => {});
    });
  }
  assert.equal((await gateway.fetch('/web/x')).status, 200);
});
