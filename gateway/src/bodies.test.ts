import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sendRaw, statuses } from './testing/raw-connection.ts';
import type { Answer } from './testing/recording-upstream.ts';
import { engines, type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

const ok: Answer = (request, response) => {
  request.resume().once('end', () => response.end('ok'));
};

/** Sizes around every bound that decides how a body is carried. */
const sizes = [0, 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 1024 * 1024];

for (const engine of engines) {
  describe(`by ${engine}`, () => {
    let gateway: RunningGateway;
    let authorized: string;
    before(async () => {
      gateway = await startRunningGateway({}, engine);
      authorized = `Host: a\r\nAuthorization: Bearer ${await gateway.token()}\r\n`;
    });
    beforeEach(() => gateway.web.answerWith(ok));
    after(() => gateway.stop());

    /** What comes back over a fresh connection for these bytes, each request with a token. */
    const ask = async (bytes: string): Promise<string> => (await sendRaw(gateway.port, bytes)).text;
    const get = (path = '/web/x', lines = ''): string => `GET ${path} HTTP/1.1\r\n${authorized}${lines}\r\n`;
    const last = 'Connection: close\r\n';

    /** Answers with these bytes as they are and closes the connection. */
    const answerRaw = (bytes: string): void =>
      gateway.web.answerWith((_request, response) => void response.socket?.end(bytes, 'latin1'));

    describe('request bodies', () => {
      for (const size of sizes) {
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']) {
          test(`${method} of ${size} bytes, announced and chunked, and the connection goes on`, async () => {
            const body = 'x'.repeat(size);
            const announced = `${method} /web/x HTTP/1.1\r\n${authorized}Content-Length: ${size}\r\n\r\n${body}`;
            const chunk = size === 0 ? '' : `${size.toString(16)}\r\n${body}\r\n`;
            const chunked = `${method} /web/x HTTP/1.1\r\n${authorized}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
            const seen = gateway.web.received.length;
            assert.deepEqual(statuses(await ask(announced + chunked + get('/web/after', last))), [200, 200, 200]);
            const received = gateway.web.received.slice(seen);
            assert.deepEqual(
              received.map((one) => [one.method, one.url, one.body.length]),
              [
                [method, '/web/x', size],
                [method, '/web/x', size],
                ['GET', '/web/after', 0],
              ],
            );
          });
        }
      }

      test('a request without a body has no framing of one', async () => {
        await gateway.fetch('/web/x');
        const { headers } = gateway.web.received.at(-1) ?? assert.fail();
        assert.equal(headers['transfer-encoding'], undefined);
        assert.equal(headers['content-length'], undefined);
      });

      test('trailers are dropped, whatever they hold', async () => {
        const head = `POST /web/x HTTP/1.1\r\n${authorized}Trailer: Grapevine-Identity\r\nTransfer-Encoding: chunked\r\n`;
        const trailers = 'Grapevine-Identity: forged\r\nX-Trailer: a\r\n';
        const text = await ask(`${head}\r\n3\r\nabc\r\n0\r\n${trailers}\r\n${get('/web/x', last)}`);
        assert.deepEqual(statuses(text), [200, 200]);
        const posted = gateway.web.received.at(-2);
        assert.equal(posted?.body, 'abc');
        assert.doesNotMatch(JSON.stringify(posted?.rawHeaders), /forged|trailer/i);
      });

      test('a client that leaves inside its body ends the request at the upstream, or never begins it', async () => {
        for (const announced of [100, 1024 * 1024]) {
          const [begun, aborted] = [gateway.web.begun(), gateway.web.aborted()];
          const socket = connect({ port: gateway.port, host: '127.0.0.1' });
          socket.on('error', () => {});
          socket.write(`POST /web/x HTTP/1.1\r\n${authorized}Content-Length: ${announced}\r\n\r\n`);
          socket.write('x'.repeat(announced * 0.9));
          if (announced > 64 * 1024) await until('the upstream has it', () => gateway.web.begun() > begun);
          socket.resetAndDestroy();
          await until('it has ended', () => gateway.web.aborted() - aborted === gateway.web.begun() - begun);
        }
      });

      test('an answer before the end of a long body reaches a client that is still sending', async () => {
        gateway.web.answerWith((request, response) => response.writeHead(403).end('no', () => request.resume()));
        const init = { method: 'POST', body: 'x'.repeat(1024 * 1024) };
        const response = await gateway.fetch('/web/x', init);
        assert.equal(response.status, 403);
        assert.equal(await response.text(), 'no');
      });
    });

    describe('answers', () => {
      for (const size of sizes) {
        test(`of ${size} bytes, announced and chunked, arrive whole`, async () => {
          const body = Buffer.alloc(size, 'äx', 'latin1');
          for (const headers of [{ 'content-length': size }, {}]) {
            gateway.web.answerWith((_request, response) => response.writeHead(200, headers).end(body));
            const response = await gateway.fetch('/web/x');
            assert.ok(Buffer.from(await response.arrayBuffer()).equals(body), 'the body differs');
          }
        });
      }

      test('in parts, with pauses, and one byte at a time', async () => {
        gateway.web.answerWith((_request, response) => {
          const parts = [...'one byte at a time'];
          const next = (): void => {
            const part = parts.shift();
            if (part === undefined) response.end();
            else response.write(part, () => setImmediate(next));
          };
          next();
        });
        assert.equal(await (await gateway.fetch('/web/x')).text(), 'one byte at a time');
      });

      test('HEAD, 204, 205 and 304 have no body, and the connection goes on', async () => {
        gateway.web.answerWith((request, response) => {
          const status = Number(request.url?.slice('/web/'.length)) || 200;
          response.writeHead(status, request.method === 'HEAD' ? { 'content-length': 10 } : { etag: '"1"' }).end();
        });
        const head = `HEAD /web/x HTTP/1.1\r\n${authorized}\r\n`;
        const text = await ask(head + get('/web/204') + get('/web/205') + get('/web/304') + get('/web/x', last));
        assert.deepEqual(statuses(text), [200, 204, 205, 304, 200]);
        assert.match(text, /content-length: 10\r\n/);
      });

      test('a length with 204 is not passed on, and what an upstream sends behind it is not an answer', async () => {
        answerRaw('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nX-Smuggled: 1\r\n\r\n');
        const text = await ask(get('/web/x', last));
        assert.deepEqual(statuses(text), [204]);
        assert.doesNotMatch(text, /content-length|smuggled/i);
      });

      test('interim answers are passed on, in front of the answer; not to HTTP/1.0', async () => {
        gateway.web.answerWith((_request, response) => {
          response.writeProcessing();
          response.writeEarlyHints({ link: '</a.css>; rel=preload', connection: 'x', server: 'secret' });
          response.end('done');
        });
        const text = await ask(get('/web/x', last));
        assert.deepEqual(statuses(text), [102, 103, 200]);
        assert.match(text, /link: <\/a\.css>; rel=preload/i);
        assert.doesNotMatch(text, /secret/);
        assert.deepEqual(statuses(await ask(get('/web/x', last).replace('HTTP/1.1', 'HTTP/1.0'))), [200]);
      });

      test('101 that nobody asked for, and statuses that do not exist: 502', async () => {
        for (const status of ['101 Switching Protocols', '099 Odd', '100 Continue']) {
          const upgrade = status.startsWith('101') ? 'Connection: upgrade\r\nUpgrade: x\r\n' : '';
          answerRaw(`HTTP/1.1 ${status}\r\n${upgrade}Content-Length: 0\r\n\r\n`);
          assert.deepEqual(statuses(await ask(get('/web/x', last))), [502], status);
        }
      });

      test('trailers are dropped', async () => {
        const head = 'HTTP/1.1 200 OK\r\nTrailer: Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n';
        answerRaw(`${head}3\r\nabc\r\n0\r\nSet-Cookie: evil=1\r\n\r\n`);
        const text = await ask(get('/web/x', last));
        assert.deepEqual(statuses(text), [200]);
        assert.doesNotMatch(text, /trailer|evil/i);
        assert.match(text, /abc/);
      });

      test('to HTTP/1.0 without chunks, and the connection closes behind them', async () => {
        gateway.web.answerWith((_request, response) => {
          response.write('in ');
          setImmediate(() => response.end('parts'));
        });
        const { text, end } = await sendRaw(gateway.port, get().replace('HTTP/1.1', 'HTTP/1.0'));
        assert.equal(end, 'closed');
        assert.doesNotMatch(text, /transfer-encoding/i);
        assert.match(text, /\r\n\r\nin parts$/);
      });

      test('an upstream that closes its connection after each answer does no harm', async () => {
        gateway.web.answerWith((_request, response) => response.writeHead(200, { connection: 'close' }).end('ok'));
        for (let round = 0; round < 10; round++) assert.equal((await gateway.fetch('/web/x')).status, 200);
      });

      test('an answer that ends with its connection, without a length', async () => {
        gateway.web.answerWith(
          (_request, response) => void response.socket?.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'),
        );
        assert.equal(await (await gateway.fetch('/web/x')).text(), 'until the end');
      });

      test('a short answer that breaks off is an error, not half an answer', async () => {
        gateway.web.answerWith((_request, response) => {
          response.writeHead(200, { 'content-length': 10 });
          response.write('half');
          setImmediate(() => response.destroy());
        });
        assert.equal((await gateway.fetch('/web/x')).status, 502);
      });

      test('a long answer that breaks off is cut', async () => {
        gateway.web.answerWith((_request, response) => {
          response.writeHead(200, { 'content-length': 1024 * 1024 });
          response.write('half');
          setImmediate(() => response.destroy());
        });
        const response = await gateway.fetch('/web/x');
        assert.equal(response.status, 200);
        await assert.rejects(response.text());
      });

      test('a client that does not read holds the upstream back, and gets everything when it does', async () => {
        // More than the kernel buffers on both sides hold together.
        const size = 64 * 1024 * 1024;
        let written = 0;
        gateway.web.answerWith((_request, response) => {
          response.writeHead(200, { 'content-length': size });
          const part = Buffer.alloc(1024 * 1024);
          const next = (): void => {
            if (written === size) response.end();
            else response.write(part, next);
            written += part.length;
          };
          next();
        });
        const response = await gateway.fetch('/web/x');
        let before = -1;
        await until('the upstream is held back', () => {
          const still = written === before;
          before = written;
          return still && written < size;
        });
        let read = 0;
        for await (const chunk of response.body ?? []) read += chunk.length;
        assert.equal(read, size);
      });
    });
  });
}
