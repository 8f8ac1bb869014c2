import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sendRaw, statuses } from './testing/raw-connection.ts';
import { engines, type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

/** An upstream that keeps the bytes as they come, and takes each end of a head or body for a request that it answers. */
const upstream = createServer();
const sockets = new Set<Socket>();
let bytes = '';
let url: string;

before(async () => {
  upstream.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let own = '';
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      bytes += text;
      own += text;
      if (!isWhole(own)) return;
      own = '';
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
after(() => {
  for (const socket of sockets) socket.destroy();
  upstream.close();
});
beforeEach(() => {
  bytes = '';
});

/** Whether a request has come whole, by its length or its last chunk. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const body = text.slice(end + 4);
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, end + 2))?.[1];
  if (length !== undefined) return body.length >= Number(length);
  return !/^transfer-encoding: chunked\r$/im.test(text.slice(0, end + 2)) || body.endsWith('0\r\n\r\n');
}

/** Request lines that the upstream has seen, wherever they stood in the bytes. */
const requestLines = (): readonly string[] => bytes.match(/[A-Z]+ \/\S* HTTP\/1\.1/g) ?? [];

for (const engine of engines) {
  describe(`by ${engine}`, () => {
    let gateway: RunningGateway;
    let authorized: string;
    before(async () => {
      gateway = await startRunningGateway(
        { upstreams: { web: [url], mobile: [url] }, maxBodyBytes: 64 * 1024 },
        engine,
      );
      authorized = `Host: a\r\nAuthorization: Bearer ${await gateway.token({ expiresIn: 86_400 })}\r\n`;
    });
    after(() => gateway.stop());

    const inner = 'GET /web/smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    const chunked = 'Transfer-Encoding: chunked\r\n';
    /** What follows the request line and the token, in all the ways in which two parsers find two different ends. */
    const refused: [name: string, rest: string][] = [
      ['CL.TE', `Content-Length: ${inner.length + 5}\r\n${chunked}\r\n0\r\n\r\n${inner}`],
      ['TE.CL', `${chunked}Content-Length: 4\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`],
      ['TE.TE, the second unknown', `${chunked}Transfer-Encoding: cow\r\n\r\n0\r\n\r\n${inner}`],
      ['TE.TE, the first unknown', `Transfer-Encoding: cow\r\n${chunked}\r\n0\r\n\r\n${inner}`],
      ['TE with a tab', `Transfer-Encoding:\tchunked\tx\r\n\r\n0\r\n\r\n${inner}`],
      ['TE with a vertical tab', `Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${inner}`],
      ['TE in quotes', `Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${inner}`],
      ['TE behind a space in front of its name', ` ${chunked}\r\n0\r\n\r\n${inner}`],
      ['a bare line feed behind a header', `X: a\n${chunked}\r\n0\r\n\r\n${inner}`],
      ['bare line feeds around the head', `Content-Length: 0\n\n${inner}`],
      ['a bare line feed behind a chunk size', `${chunked}\r\n5\nhello\r\n0\r\n\r\n${inner}`],
      ['a bare line feed behind a chunk', `${chunked}\r\n5\r\nhello\n0\r\n\r\n${inner}`],
      ['a folded header', `X: a\r\n b\r\nContent-Length: 0\r\n\r\n${inner}`],
      ['a folded transfer coding', `Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${inner}`],
      ['the same length twice', `Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello${inner}`],
      ['the same length in a list', `Content-Length: 5, 5\r\n\r\nhello${inner}`],
      ['a length with a sign', `Content-Length: +5\r\n\r\nhello${inner}`],
      ['a length with a point', `Content-Length: 5.0\r\n\r\nhello${inner}`],
      ['an empty length', `Content-Length:\r\n\r\n${inner}`],
      ['a length beyond all numbers', `Content-Length: 99999999999999999999\r\n\r\n${inner}`],
      ['a chunk size with a sign', `${chunked}\r\n+5\r\nhello\r\n0\r\n\r\n${inner}`],
      ['a chunk size in hexadecimal of C', `${chunked}\r\n0x5\r\nhello\r\n0\r\n\r\n${inner}`],
      ['a chunk size beyond all numbers', `${chunked}\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n${inner}`],
      [
        'an underscore and a transfer coding that is none',
        `Transfer_Encoding: chunked\r\n${chunked.replace('chunked', 'chunked;x')}\r\n0\r\n\r\n${inner}`,
      ],
    ];
    for (const [name, rest] of refused) {
      test(`${name}: refused, and the upstream sees no whole request`, async () => {
        const { text } = await sendRaw(gateway.port, `POST /web/x HTTP/1.1\r\n${authorized}${rest}`);
        const [status = 0, ...more] = statuses(text);
        assert.ok(status === 400 || status === 413, text);
        assert.deepEqual(more, [], 'nothing behind it is answered');
        // A body that breaks off on its way is cut: the upstream never takes what came of it for a request.
        assert.ok(
          requestLines().every((line) => line === 'POST /web/x HTTP/1.1'),
          bytes,
        );
        assert.ok(!isWhole(bytes), bytes);
      });
    }

    test('extensions of chunks do not reach the upstream', async () => {
      const body = '5;a=b\r\nhello\r\n6;c="d e"\r\n world\r\n0;x=y\r\n\r\n';
      const head = `POST /web/x HTTP/1.1\r\n${authorized}Connection: close\r\n${chunked}\r\n`;
      const { text } = await sendRaw(gateway.port, head + body);
      assert.deepEqual(statuses(text), [200], text);
      assert.deepEqual(requestLines(), ['POST /web/x HTTP/1.1']);
      assert.match(bytes, /\r\n\r\nhello world$/);
    });

    test('a name with an encoded slash and dots stays one name: the upstream gets it as it came', async () => {
      const path = '/mobile/v1/topics/..%2fcluster/consistency';
      const { text } = await sendRaw(gateway.port, `GET ${path} HTTP/1.1\r\n${authorized}Connection: close\r\n\r\n`);
      assert.deepEqual(statuses(text), [200]);
      assert.deepEqual(requestLines(), [`GET ${path} HTTP/1.1`]);
    });

    test('a request inside a body stays a body', async () => {
      const { text } = await sendRaw(
        gateway.port,
        `POST /web/x HTTP/1.1\r\n${authorized}Connection: close\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      );
      assert.deepEqual(statuses(text), [200]);
      assert.ok(bytes.endsWith(`\r\n\r\n${inner}`));
      assert.match(bytes, new RegExp(`content-length: ${inner.length}\r\n`, 'i'));
    });

    test('what a client names in Connection cannot take away the length of its body or the identity', async () => {
      const names = 'content-length, grapevine-identity, x-forwarded-for, close';
      const { text } = await sendRaw(
        gateway.port,
        `POST /web/x HTTP/1.1\r\n${authorized}Connection: ${names}\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
      );
      assert.deepEqual(statuses(text), [200]);
      assert.match(bytes, new RegExp(`content-length: ${inner.length}\r\n`, 'i'));
      assert.equal(bytes.match(/^grapevine-identity: /gim)?.length, 1);
      assert.match(bytes, /^x-forwarded-for: 127\.0\.0\.1\r$/im);
    });

    test('line breaks in headers and paths begin no header', async () => {
      const heads = [
        `GET /web/x HTTP/1.1\r\n${authorized}X: a\rGrapevine-Identity: forged\r\n\r\n`,
        `GET /web/x%0d%0aGrapevine-Identity:%20forged HTTP/1.1\r\n${authorized}\r\n`,
        `GET /web/x HTTP/1.1\r\n${authorized}X: a\x00b\r\n\r\n`,
        `GET /web/x HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n b\r\n\r\n`,
      ];
      for (const head of heads) {
        const { text } = await sendRaw(gateway.port, head);
        assert.deepEqual(statuses(text), [400], head);
      }
      assert.equal(bytes, '');
    });

    test('forged identity and forwarding headers go no further, in any spelling', async () => {
      const forged = [
        'Grapevine-Identity',
        'grapevine-identity',
        'X-Forwarded-For',
        'X-Forwarded-Host',
        'Forwarded',
        'X-Real-IP',
        'Grapevine_Identity',
        'X_Forwarded_For',
        'Via',
        'Proxy-Authorization',
        'X-API_Key',
      ];
      const lines = forged.map((name) => `${name}: forged\r\n`).join('');
      const { text } = await sendRaw(
        gateway.port,
        `GET /web/x HTTP/1.1\r\n${authorized}Connection: close\r\n${lines}\r\n`,
      );
      assert.deepEqual(statuses(text), [200]);
      assert.doesNotMatch(bytes, /forged/);
    });

    test('no spelling of a path gets around the scope of its route', async () => {
      const paths = [
        '/mobile/v1/cluster/consistency',
        '/mobile/v1/%63luster/consistency',
        '/mobile/v1/%2563luster/consistency',
        '/mobile/v1/cluster%2fconsistency',
        '/mobile/v1/cluster%252fconsistency',
        '/mobile/v1/topics/../cluster/consistency',
        '/mobile/v1/topics/%2e%2e/cluster/consistency',
        '/mobile/v1/topics/%252e%252e/cluster/consistency',
        '/mobile/v1//cluster/consistency',
        '/mobile/v1/./cluster/consistency',
        '/mobile/v1/cluster;x/consistency',
        '/mobile/v1/cluster\\consistency',
        '/mobile/v1/cluster%5cconsistency',
        '/mobile/v1/cluster%00/consistency',
        '/mobile/v1/topics/a/messages/../../../cluster/consistency',
        '/console/../mobile/v1/cluster/consistency',
        '/console/%2e%2e/mobile/v1/cluster/consistency',
      ];
      for (const path of paths) {
        const { text } = await sendRaw(gateway.port, `GET ${path} HTTP/1.1\r\n${authorized}Connection: close\r\n\r\n`);
        assert.ok(/^(400|403)$/.test(String(statuses(text)[0])), `${path}: ${text.slice(0, 40)}`);
      }
      assert.equal(bytes, '');
    });

    test('a compressed body is limited by its bytes and never unpacked: it goes on as it came', async () => {
      const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024)).toString('latin1');
      assert.ok(bomb.length < 64 * 1024);
      const head = `POST /web/x HTTP/1.1\r\n${authorized}Connection: close\r\nContent-Encoding: gzip\r\n`;
      const { text } = await sendRaw(gateway.port, `${head}Content-Length: ${bomb.length}\r\n\r\n${bomb}`);
      assert.deepEqual(statuses(text), [200]);
      assert.ok(bytes.endsWith(`\r\n\r\n${bomb}`));
      const large = await sendRaw(
        gateway.port,
        `${head}Content-Length: ${3 * bomb.length}\r\n\r\n${bomb}${bomb}${bomb}`,
      );
      assert.deepEqual(statuses(large.text), [413]);
    });
  });
}
