import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { lastingPort } from '@grapevine/test/fixtures/lasting-port.ts';
import { startRecordingUpstream } from './testing/recording-upstream.ts';
import { engines, type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

const breaker = { failureRatio: 0.5, volume: 4, windowMs: 10_000, resetMs: 800 };

for (const engine of engines) {
  describe(`by ${engine}`, () => {
    let gateway: RunningGateway;
    beforeEach(async () => {
      gateway = await startRunningGateway({ breaker, upstreamTimeoutMs: 200, upstreamMaxInFlight: 3 }, engine);
    });
    afterEach(() => gateway.stop());

    async function breakerState(): Promise<string | undefined> {
      const answer = (await (await fetch(`${gateway.adminUrl}/upstreams`)).json()) as {
        upstreams: { name: string; instances: { breaker: string }[] }[];
      };
      return answer.upstreams.find(({ name }) => name === 'web')?.instances[0]?.breaker;
    }

    async function problemOf(response: Response): Promise<string> {
      assert.equal(response.headers.get('content-type'), 'application/problem+json');
      return `${response.status} ${((await response.json()) as { code: string }).code}`;
    }

    async function openBreaker(): Promise<void> {
      gateway.web.answerWith((_request, response) => response.writeHead(500).end());
      for (let count = 0; count < breaker.volume; count++) assert.equal((await gateway.fetch('/web/x')).status, 500);
      assert.equal(await breakerState(), 'open');
    }

    describe('an upstream', () => {
      test('that is down: 503 with Retry-After', async () => {
        await gateway.web.stop();
        const response = await gateway.fetch('/web/x');
        assert.equal(response.headers.get('retry-after'), '1');
        assert.equal(await problemOf(response), '503 UNAVAILABLE');
      });

      test('that hangs: 504, and its request is given up', async () => {
        gateway.web.answerWith(() => {});
        assert.equal(await problemOf(await gateway.fetch('/web/x')), '504 UPSTREAM_TIMEOUT');
        await until('the upstream is freed', () => gateway.web.aborted() === 1);
      });

      test('that hangs after it took a body: 504, with a length and chunked', async () => {
        gateway.web.answerWith((request) => void request.resume());
        assert.equal(
          await problemOf(await gateway.fetch('/web/x', { method: 'POST', body: 'a' })),
          '504 UPSTREAM_TIMEOUT',
        );
        const init = { method: 'POST', body: new Blob(['a']).stream(), duplex: 'half' } as RequestInit;
        assert.equal(await problemOf(await gateway.fetch('/web/x', init)), '504 UPSTREAM_TIMEOUT');
      });

      test('that stops inside an answer: the answer is cut, not left hanging', async () => {
        gateway.web.answerWith((_request, response) => void response.writeHead(200).write('half'));
        const response = await gateway.fetch('/web/x');
        assert.equal(response.status, 200);
        await assert.rejects(response.text());
      });

      test('that is slow but alive is waited for', async () => {
        gateway.web.answerWith((_request, response) => {
          let parts = 0;
          const timer = setInterval(() => {
            parts++;
            if (parts < 6) response.write('part ');
            else response.end('end');
            if (parts === 6) clearInterval(timer);
          }, 60);
        });
        assert.equal(await (await gateway.fetch('/web/x')).text(), 'part part part part part end');
      });

      test('that is silent on an event stream is left alone', async () => {
        let say = (_text: string): void => {};
        gateway.web.answerWith((_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).flushHeaders();
          say = (text) => void response.end(text);
        });
        const response = await gateway.fetch('/web/x');
        gateway.mobile.answerWith(() => {});
        // Once a request that came later has timed out, the stream has been silent for longer than that.
        assert.equal((await gateway.fetch('/mobile/v1/topics')).status, 504);
        say('data: late\n\n');
        assert.equal(await response.text(), 'data: late\n\n');
      });

      for (const [name, bytes] of [
        ['closes without an answer', ''],
        ['does not speak HTTP', 'SSH-2.0-OpenSSH\r\n'],
        ['answers with a status that does not exist', 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n'],
        ['answers with two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
      ] as const) {
        test(`that ${name}: 502`, async () => {
          gateway.web.answerWith((_request, response) => void response.socket?.end(bytes));
          assert.equal(await problemOf(await gateway.fetch('/web/x')), '502 UPSTREAM_FAILED');
        });
      }

      test('that has as many open requests as it may have: 503, and 200 again afterwards', async () => {
        const { promise: freed, resolve: free } = Promise.withResolvers<void>();
        gateway.web.answerWith((_request, response) => void freed.then(() => response.end()));
        const open = Array.from({ length: 3 }, () => gateway.fetch('/web/x'));
        await until('three are open', () => gateway.web.begun() === 3);
        assert.equal(await problemOf(await gateway.fetch('/web/x')), '503 OVERLOADED');
        free();
        for (const response of await Promise.all(open)) assert.equal(response.status, 200);
        assert.equal((await gateway.fetch('/web/x')).status, 200);
      });
    });

    describe('the breaker', () => {
      test('opens after enough failures, refuses at once with Retry-After, and leaves the other upstream alone', async () => {
        await openBreaker();
        const begun = gateway.web.begun();
        const response = await gateway.fetch('/web/x');
        assert.equal(response.headers.get('retry-after'), '1');
        assert.equal(await problemOf(response), '503 UNAVAILABLE');
        assert.equal(gateway.web.begun(), begun);
        assert.equal((await gateway.fetch('/mobile/v1/topics')).status, 200);
      });

      test('lets one request through after its rest, and closes when that goes well', async () => {
        await openBreaker();
        gateway.web.answerWith((_request, response) => void response.end('well'));
        const begun = gateway.web.begun();
        await until('it tries again', async () => (await breakerState()) === 'half-open');
        assert.equal((await gateway.fetch('/web/x')).status, 200);
        assert.equal(await breakerState(), 'closed');
        assert.equal(gateway.web.begun(), begun + 1);
      });

      test('half open, lets only one through until its outcome is known, and opens again when that fails', async () => {
        await openBreaker();
        const { promise: decided, resolve: decide } = Promise.withResolvers<void>();
        gateway.web.answerWith((_request, response) => void decided.then(() => response.writeHead(500).end()));
        await until('it tries again', async () => (await breakerState()) === 'half-open');
        const begun = gateway.web.begun();
        const probe = gateway.fetch('/web/x');
        await until('the probe is there', () => gateway.web.begun() === begun + 1);
        assert.equal(await problemOf(await gateway.fetch('/web/x')), '503 UNAVAILABLE');
        decide();
        assert.equal((await probe).status, 500);
        assert.equal(await breakerState(), 'open');
      });

      test('half open, is not closed by a client that leaves', async () => {
        await openBreaker();
        gateway.web.answerWith(() => {});
        await until('it tries again', async () => (await breakerState()) === 'half-open');
        const begun = gateway.web.begun();
        const stop = new AbortController();
        const probe = gateway.fetch('/web/x', { signal: stop.signal });
        await until('the probe is there', () => gateway.web.begun() === begun + 1);
        stop.abort();
        await assert.rejects(probe);
        await until('it is open again', async () => (await breakerState()) === 'open');
      });

      test('is not opened by what clients do wrong', async () => {
        gateway.web.answerWith((_request, response) => response.writeHead(400).end());
        for (let count = 0; count < 6; count++) assert.equal((await gateway.fetch('/web/x')).status, 400);
        assert.equal(await breakerState(), 'closed');
      });

      test('is not opened by clients that leave', async () => {
        gateway.web.answerWith(() => {});
        for (let count = 0; count < 6; count++) {
          const begun = gateway.web.begun();
          const stop = new AbortController();
          const left = gateway.fetch('/web/x', { signal: stop.signal });
          await until('it is there', () => gateway.web.begun() > begun);
          stop.abort();
          await assert.rejects(left);
        }
        await until('they have ended', () => gateway.web.aborted() === 6);
        assert.equal(await breakerState(), 'closed');
      });

      test('an upstream that was down and comes back is used again by itself', async () => {
        const away = await startRecordingUpstream(await lastingPort());
        await gateway.stop();
        gateway = await startRunningGateway({ breaker, upstreams: { web: [away.url] } }, engine);
        await away.stop();
        await until('the breaker opens', async () => {
          await gateway.fetch('/web/x');
          return (await breakerState()) === 'open';
        });
        const back = await startRecordingUpstream(away.port);
        try {
          await until('it answers again', async () => (await gateway.fetch('/web/x')).status === 200);
        } finally {
          await back.stop();
        }
      });
    });

    test('of two instances the one that works takes over', async () => {
      const [dead, alive] = [await lastingPort(), await startRecordingUpstream()];
      const upstreams = { web: [`http://127.0.0.1:${dead}`, alive.url], mobile: [alive.url] };
      const pair = await startRunningGateway({ breaker: { ...breaker, resetMs: 60_000 }, upstreams }, engine);
      try {
        const failures: number[] = [];
        for (let count = 0; count < 60; count++) {
          const { status } = await pair.fetch('/web/x');
          if (status !== 200) failures.push(count);
        }
        assert.ok(failures.length <= breaker.volume, `${failures.length} requests failed`);
      } finally {
        await pair.stop();
        await alive.stop();
      }
    });
  });
}
