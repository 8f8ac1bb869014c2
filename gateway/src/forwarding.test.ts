import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sendRaw, statuses } from './testing/raw-connection.ts';
import type { Answer, Received } from './testing/recording-upstream.ts';
import { engines, type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

const ok: Answer = (request, response) => {
  request.resume().once('end', () => response.end('ok'));
};

for (const engine of engines) {
  describe(`by ${engine}`, () => {
    let gateway: RunningGateway;
    before(async () => {
      gateway = await startRunningGateway({}, engine);
    });
    beforeEach(() => gateway.web.answerWith(ok));
    after(() => gateway.stop());

    async function seenAfter(path: string, headers: Record<string, string>): Promise<Received> {
      const response = await gateway.fetch(path, { headers });
      assert.equal(response.status, 200);
      const seen = gateway.web.received.at(-1);
      assert.ok(seen);
      return seen;
    }

    describe('requests', () => {
      test('path and query arrive byte for byte at the upstream of their route', async () => {
        const target = '/mobile/v1/topics/a%2Fb%2e%2E%2fc:1/messages?limit=5&x=%2F..%5c&y=a+b%20c//';
        assert.equal((await gateway.fetch(target)).status, 200);
        assert.equal(gateway.mobile.received.at(-1)?.url, target);
      });

      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        test(`${method} bodies pass unchanged, with a length and without one`, async () => {
          const body = 'äöü'.repeat(20_000);
          assert.equal((await gateway.fetch('/web/x', { method, body })).status, 200);
          assert.ok(gateway.web.received.at(-1)?.body === body, 'the body differs');
          const stream = new Blob([body]).stream();
          assert.equal(
            (await gateway.fetch('/web/x', { method, body: stream, duplex: 'half' } as RequestInit)).status,
            200,
          );
          assert.ok(gateway.web.received.at(-1)?.body === body, 'the body differs');
          assert.equal(gateway.web.received.at(-1)?.method, method);
        });
      }

      test('what a client says about itself and about other hops is replaced by what the gateway knows', async () => {
        const seen = await seenAfter('/web/x', {
          'Grapevine-Identity': 'v1.forged.forged',
          GRAPEVINE_IDENTITY: 'v1.forged.forged',
          'X-Forwarded-For': '6.6.6.6',
          'X-Forwarded-Host': 'evil.example',
          'X-Forwarded-User': 'root',
          Forwarded: 'for=6.6.6.6',
          'X-Real-IP': '6.6.6.6',
          Via: '1.1 evil',
          'Proxy-Authorization': 'Basic YTpi',
          'X-Custom': 'stays',
        });
        const names = Object.keys(seen.headers);
        assert.equal(gateway.identities.verify(seen.headers['grapevine-identity'] as string).subject, 'alice');
        assert.equal(seen.rawHeaders.filter((text) => text.toLowerCase() === 'grapevine-identity').length, 1);
        assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1');
        assert.equal(seen.headers['x-forwarded-host'], `127.0.0.1:${gateway.port}`);
        assert.equal(seen.headers.host, `127.0.0.1:${gateway.web.port}`);
        assert.equal(seen.headers['x-custom'], 'stays');
        for (const gone of [
          'grapevine_identity',
          'x-forwarded-user',
          'forwarded',
          'x-real-ip',
          'via',
          'proxy-authorization',
        ]) {
          assert.ok(!names.includes(gone), gone);
        }
        assert.doesNotMatch(JSON.stringify(seen.rawHeaders), /forged|6\.6\.6\.6|evil/);
      });

      test('a forged identity repeated on the wire, and hidden on a public route, never passes', async () => {
        const head = `GET /console/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n`;
        const forged = 'Grapevine-Identity: x\r\ngrapevine-IDENTITY: y\r\n';
        const { text } = await sendRaw(gateway.port, `${head}${forged}\r\n`);
        assert.deepEqual(statuses(text), [200]);
        assert.equal(gateway.web.received.at(-1)?.headers['grapevine-identity'], undefined);
      });

      test('headers that Connection names are dropped, but never the length of the body or our own', async () => {
        const token = await gateway.token();
        const head = [
          'POST /web/x HTTP/1.1',
          'Host: a',
          `Authorization: Bearer ${token}`,
          'Connection: close, x-hop, content-length, grapevine-identity, x-request-id, x-forwarded-for',
          'X-Hop: 1',
          'Content-Length: 5',
        ];
        const { text } = await sendRaw(gateway.port, `${head.join('\r\n')}\r\n\r\nhello`);
        assert.deepEqual(statuses(text), [200]);
        const seen = gateway.web.received.at(-1);
        assert.equal(seen?.body, 'hello');
        assert.equal(seen?.headers['content-length'], '5');
        assert.equal(seen?.headers['x-hop'], undefined);
        assert.equal(seen?.headers['x-forwarded-for'], '127.0.0.1');
        assert.equal(gateway.identities.verify(seen?.headers['grapevine-identity'] as string).subject, 'alice');
      });

      test('a well-formed request id is kept, any other is replaced, and all sides know it', async () => {
        const kept = await gateway.fetch('/web/x', { headers: { 'x-request-id': 'abc-1.2:3' } });
        assert.equal(kept.headers.get('x-request-id'), 'abc-1.2:3');
        assert.equal(gateway.web.received.at(-1)?.headers['x-request-id'], 'abc-1.2:3');
        const replaced = await gateway.fetch('/web/x', { headers: { 'x-request-id': 'a b{"}' } });
        const id = replaced.headers.get('x-request-id') ?? '';
        assert.match(id, /^[0-9a-f]{32}$/);
        assert.equal(gateway.web.received.at(-1)?.headers['x-request-id'], id);
      });

      test('a traceparent passes only if it is one', async () => {
        const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
        const good = await seenAfter('/web/x', { traceparent, tracestate: 'a=1' });
        assert.equal(good.headers['traceparent'], traceparent);
        assert.equal(good.headers['tracestate'], 'a=1');
        const bad = await seenAfter('/web/x', { traceparent: 'x', tracestate: 'a=1' });
        assert.equal(bad.headers['traceparent'], undefined);
        assert.equal(bad.headers['tracestate'], undefined);
      });

      test('Expect: 100-continue is answered here', async () => {
        const token = await gateway.token();
        const status = await new Promise<number | undefined>((resolve, reject) => {
          const headers = { authorization: `Bearer ${token}`, expect: '100-continue', 'content-length': 2 };
          const outgoing = httpRequest(`${gateway.url}/web/x`, { method: 'POST', headers, agent: false });
          outgoing.once('continue', () => outgoing.end('hi'));
          outgoing.once('response', (answer) => resolve(answer.resume().statusCode));
          outgoing.once('error', reject);
        });
        assert.equal(status, 200);
        assert.equal(gateway.web.received.at(-1)?.headers.expect, undefined);
        assert.equal(gateway.web.received.at(-1)?.body, 'hi');
      });
    });

    describe('answers', () => {
      test('status, headers and bytes pass; what belongs to the inner connection does not', async () => {
        gateway.web.answerWith((_request, response) => {
          response.writeHead(418, {
            'content-type': 'text/x',
            etag: '"1"',
            'set-cookie': ['a=1', 'b=2'],
            connection: 'x-inner, keep-alive',
            'x-inner': '1',
            'x-powered-by': 'secret',
            server: 'secret',
            'referrer-policy': 'origin',
          });
          response.end(Buffer.from([0, 255, 1]));
        });
        const response = await gateway.fetch('/web/x');
        assert.equal(response.status, 418);
        assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from([0, 255, 1]));
        assert.equal(response.headers.get('etag'), '"1"');
        assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
        assert.equal(response.headers.get('referrer-policy'), 'origin');
        assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
        for (const gone of ['x-inner', 'x-powered-by', 'server']) assert.equal(response.headers.get(gone), null);
      });

      test('a client that asks for it gets its connection closed, the upstream keeps its own', async () => {
        const connections = new Set<unknown>();
        gateway.web.answerWith((request, response) => {
          connections.add(request.socket);
          ok(request, response);
        });
        for (let round = 0; round < 3; round++) {
          const token = await gateway.token();
          const head = `GET /web/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`;
          const { text, end } = await sendRaw(gateway.port, head);
          assert.equal(end, 'closed');
          assert.match(text, /connection: close/i);
        }
        assert.equal(connections.size, 1);
      });

      test('HEAD, 204 and 304 have no body and leave the connection usable', async () => {
        gateway.web.answerWith((request, response) => {
          if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 10 }).end();
          else response.writeHead(request.url === '/web/204' ? 204 : 304, { etag: '"1"' }).end();
        });
        const token = await gateway.token();
        const ask = (method: string, path: string): string =>
          `${method} ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n`;
        const all = `${ask('HEAD', '/web/x')}\r\n${ask('GET', '/web/204')}\r\n${ask('GET', '/web/304')}Connection: close\r\n\r\n`;
        const { text } = await sendRaw(gateway.port, all);
        assert.deepEqual(statuses(text), [200, 204, 304]);
      });

      test('server-sent events arrive one by one, while the stream is open', async () => {
        const { promise: second, resolve: sendSecond } = Promise.withResolvers<void>();
        gateway.web.answerWith((_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.flushHeaders();
          response.write('data: 1\n\n');
          void second.then(() => response.write('data: 2\n\n'));
        });
        const stop = new AbortController();
        const response = await gateway.fetch('/web/graphql', { signal: stop.signal });
        const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
        assert.equal((await reader?.read())?.value, 'data: 1\n\n');
        sendSecond();
        assert.equal((await reader?.read())?.value, 'data: 2\n\n');
        const abortedBefore = gateway.web.aborted();
        stop.abort();
        await until('the upstream knows that the client has gone', () => gateway.web.aborted() > abortedBefore);
      });

      test('the head of a silent event stream does not wait for the first event', async () => {
        gateway.web.answerWith((_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        });
        const stop = new AbortController();
        assert.equal((await gateway.fetch('/web/graphql', { signal: stop.signal })).status, 200);
        stop.abort();
      });

      test('a client that leaves before the answer ends the request at the upstream', async () => {
        gateway.web.answerWith(() => {});
        const [begunBefore, abortedBefore] = [gateway.web.begun(), gateway.web.aborted()];
        const stop = new AbortController();
        const response = gateway.fetch('/web/x', { signal: stop.signal });
        await until('the upstream has the request', () => gateway.web.begun() > begunBefore);
        stop.abort();
        await assert.rejects(response, { name: 'AbortError' });
        await until('the upstream knows', () => gateway.web.aborted() > abortedBefore);
        await until('the log has it', () => gateway.logs.some((line) => line['status'] === 499));
      });

      test('an answer that breaks off is cut, never passed off as complete', async () => {
        gateway.web.answerWith((_request, response) => {
          response.writeHead(200, { 'content-type': 'text/plain' });
          response.write('half');
          setImmediate(() => response.destroy());
        });
        const response = await gateway.fetch('/web/x');
        await assert.rejects(response.text());
        await until('the log tells', () =>
          gateway.logs.some((line) => line['status'] === 200 && line['complete'] === false),
        );
      });

      test('line breaks in an answer header cannot become headers of ours', async () => {
        gateway.web.answerWith((_request, response) => {
          response.socket?.end('HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n');
        });
        const response = await gateway.fetch('/web/x');
        assert.equal(response.status, 502);
        assert.equal(response.headers.get('set-cookie'), null);
      });
    });

    describe('the access log', () => {
      test('has one line per request, without query, token or identity', async () => {
        const response = await gateway.fetch('/web/x?secret=1', { headers: { 'x-request-id': 'logged-1' } });
        await response.text();
        await until('the line is there', () => gateway.logs.some((line) => line['requestId'] === 'logged-1'));
        const lines = gateway.logs.filter((line) => line['requestId'] === 'logged-1');
        assert.equal(lines.length, 1);
        const { time, ms, upstreamMs, bytes, ...rest } = lines[0] ?? {};
        assert.deepEqual(rest, {
          level: 'info',
          name: 'gateway',
          requestId: 'logged-1',
          method: 'GET',
          path: '/web/x',
          status: 200,
          complete: true,
          principal: 'alice',
          route: 'web',
          upstream: gateway.web.url,
          attempts: 1,
          msg: 'request',
        });
        assert.equal(typeof ms, 'number');
        assert.equal(typeof upstreamMs, 'number');
        assert.ok(Number(bytes) > 2);
        assert.match(String(time), /^\d{4}-/);
      });

      test('names the problem that the gateway answered with', async () => {
        await gateway.fetch('/nowhere', { headers: { 'x-request-id': 'logged-2' } });
        await until('the line is there', () => gateway.logs.some((line) => line['requestId'] === 'logged-2'));
        const line = gateway.logs.find((entry) => entry['requestId'] === 'logged-2');
        assert.equal(line?.['status'], 404);
        assert.equal(line?.['code'], 'NOT_FOUND');
      });
    });
  });
}
