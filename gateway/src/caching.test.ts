import assert from 'node:assert/strict';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ask, type Told } from './testing/ask.ts';
import type { Answer } from './testing/recording-upstream.ts';
import { engines, type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

/** On machines that are busy. */
const patientMs = 30_000;
const rate = { perSecond: 10_000_000, burst: 10_000_000 };
const cached = { upstream: 'web', cache: true };
const routes = [
  { ...cached, name: 'open', path: '/open/**', scopes: 'public' },
  { ...cached, name: 'closed', path: '/closed/**', scopes: { read: 'messages:read', write: 'messages:write' } },
];

for (const engine of engines) {
  describe(`by ${engine}`, () => {
    let gateway: RunningGateway;
    /** Answers that the upstream has not given yet. */
    let held: ServerResponse[];
    before(async () => {
      const bounds = { maxBytes: 1024 * 1024, maxEntries: 50, maxEntryBytes: 200 * 1024, joinMs: 30_000 };
      const settings = { routes, cache: bounds, rateLimit: { principal: rate, address: rate } };
      gateway = await startRunningGateway(settings, engine);
    });
    beforeEach(() => {
      held = [];
    });
    after(() => gateway.stop());

    const hold: Answer = (request, response) => {
      request.resume();
      held.push(response);
    };
    const release = (headers: Record<string, string>, body: string): void => {
      for (const response of held.splice(0)) {
        response.writeHead(200, { ...headers, 'content-length': String(body.length) }).end(body);
      }
    };
    const answer =
      (headers: Record<string, string>, body: string): Answer =>
      (request, response) => {
        request.resume().once('end', () => response.writeHead(200, headers).end(body));
      };
    const as = async (subject: string): Promise<Record<string, string>> => ({
      authorization: `Bearer ${await gateway.token({ subject })}`,
    });
    const waitForHeld = (count: number): Promise<void> =>
      until(`${count} are held`, () => held.length === count, patientMs);
    const requests = async (): Promise<Record<string, number>> =>
      ((await (await fetch(`${gateway.adminUrl}/cache`)).json()) as { requests: Record<string, number> }).requests;
    const inFlight = async (): Promise<number> => {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return Number(/grapevine_gateway_in_flight (\d+)/.exec(text)?.[1]);
    };
    const waitInFlight = (count: number): Promise<void> =>
      until(`${count} are in flight`, async () => (await inFlight()) === count, patientMs);
    /** A request whose client can leave. */
    const leaving = (path: string): { leave(): void } => {
      const outgoing = httpRequest(gateway.url + path).on('error', () => {});
      outgoing.end();
      return { leave: () => outgoing.destroy() };
    };

    describe('reads that are made once', () => {
      test('a hundred at once are one, and all get the answer', async () => {
        gateway.web.answerWith(hold);
        const begun = gateway.web.begun();
        const all = Array.from({ length: 100 }, () => ask(`${gateway.url}/open/hundred`));
        await waitInFlight(100);
        await waitForHeld(1);
        release({ 'cache-control': 'max-age=60' }, 'one');
        const told = await Promise.all(all);
        assert.ok(told.every(({ status, body }) => status === 200 && body === 'one'));
        assert.equal(gateway.web.begun() - begun, 1);
        const collapsed = told.filter(
          ({ headers }) => headers['cache-status'] === 'grapevine; fwd=uri-miss; collapsed',
        );
        assert.equal(collapsed.length, 99);
      });

      test('callers share what is public, and nothing else', async () => {
        const [alice, bob] = [await as('alice'), await as('bob')];
        for (const [path, terms, expected] of [
          ['/closed/shared', 'public, max-age=60', 1],
          ['/closed/own', 'private, max-age=60', 2],
          ['/closed/unsaid', 'max-age=60', 2],
        ] as const) {
          gateway.web.answerWith(hold);
          const begun = gateway.web.begun();
          const first = ask(gateway.url + path, { headers: alice });
          await waitForHeld(1);
          const second = ask(gateway.url + path, { headers: bob });
          await waitInFlight(2);
          gateway.web.answerWith(answer({ 'cache-control': terms }, 'for bob'));
          release({ 'cache-control': terms }, 'for alice');
          assert.equal((await first).body, 'for alice', path);
          assert.equal((await second).body, expected === 1 ? 'for alice' : 'for bob', path);
          assert.equal(gateway.web.begun() - begun, expected, path);
        }
      });

      test('an answer that must be checked goes to those who came before it was asked for, and to nobody else', async () => {
        const path = `${gateway.url}/open/checked`;
        const terms = { 'cache-control': 'max-age=0', etag: '"1"' };
        gateway.web.answerWith(hold);
        const first = ask(path);
        await waitForHeld(1);
        const [leader, before] = [held.splice(0), gateway.web.begun()];
        const others = Array.from({ length: 10 }, () => ask(path));
        await waitInFlight(11);
        held = leader;
        release(terms, 'old');
        assert.equal((await first).body, 'old');
        // One of the ten asks for all: what was asked before they came may be older than what they wrote themselves.
        await waitForHeld(1);
        release({ ...terms, etag: '"2"' }, 'new');
        assert.deepEqual(new Set((await Promise.all(others)).map(({ body }) => body)), new Set(['new']));
        assert.equal(gateway.web.begun() - before, 1);
      });

      test('a failure is nobody else’s: those who waited ask for themselves', async () => {
        const path = `${gateway.url}/open/failed`;
        gateway.web.answerWith(hold);
        const first = ask(path);
        await waitForHeld(1);
        const others = Array.from({ length: 5 }, () => ask(path));
        await waitInFlight(6);
        gateway.web.answerWith(answer({ 'cache-control': 'max-age=60' }, 'well'));
        held.splice(0)[0]?.writeHead(500).end('broken');
        assert.equal((await first).status, 500);
        assert.ok((await Promise.all(others)).every(({ status, body }) => status === 200 && body === 'well'));
      });

      test('an answer that selects by a header goes only where it fits', async () => {
        const path = `${gateway.url}/open/varied`;
        const terms = { 'cache-control': 'max-age=60', vary: 'accept-language' };
        gateway.web.answerWith(hold);
        const german = ask(path, { headers: { 'accept-language': 'de' } });
        await waitForHeld(1);
        const english = ask(path, { headers: { 'accept-language': 'en' } });
        const german2 = ask(path, { headers: { 'accept-language': 'de' } });
        await waitInFlight(3);
        gateway.web.answerWith(answer(terms, 'hello'));
        release(terms, 'hallo');
        assert.deepEqual(
          [(await german).body, (await german2).body, (await english).body],
          ['hallo', 'hallo', 'hello'],
        );
      });

      test('a client that leaves takes nothing from those who wait for the same', async () => {
        const path = '/open/left';
        gateway.web.answerWith(hold);
        const begun = gateway.web.begun();
        const leader = leaving(path);
        await waitForHeld(1);
        const others = [ask(gateway.url + path), ask(gateway.url + path)];
        await waitInFlight(3);
        leader.leave();
        await waitInFlight(2);
        release({ 'cache-control': 'max-age=60' }, 'still here');
        assert.ok((await Promise.all(others)).every(({ body }) => body === 'still here'));
        assert.equal(gateway.web.begun() - begun, 1);
      });

      test('nor when it leaves inside a body that streams', async () => {
        const path = '/open/left-inside';
        gateway.web.answerWith(hold);
        const leader = httpRequest(gateway.url + path).on('error', () => {});
        leader.end();
        await waitForHeld(1);
        const [response] = held;
        response?.writeHead(200, { 'cache-control': 'max-age=60' });
        response?.write('begun, ');
        await new Promise<void>((resolve) => {
          leader.once('response', (got) => got.once('data', () => resolve()));
        });
        const other = ask(gateway.url + path);
        await waitInFlight(2);
        leader.destroy();
        await waitInFlight(1);
        response?.end('ended');
        assert.equal((await other).body, 'begun, ended');
      });

      test('when all have left, the upstream is told', async () => {
        gateway.web.answerWith(hold);
        const aborted = gateway.web.aborted();
        const first = leaving('/open/deserted');
        await waitForHeld(1);
        const second = leaving('/open/deserted');
        await waitInFlight(2);
        first.leave();
        second.leave();
        await until('the upstream sees it', () => gateway.web.aborted() > aborted, patientMs);
        gateway.web.answerWith(answer({}, 'anew'));
        assert.equal((await ask(`${gateway.url}/open/deserted`)).body, 'anew');
      });

      test('what is asked before a write and answered after is not kept, and nobody joins it', async () => {
        const path = `${gateway.url}/open/overtaken`;
        gateway.web.answerWith(hold);
        const read = ask(path);
        await waitForHeld(1);
        const [old] = held.splice(0);
        gateway.web.answerWith(answer({}, 'written'));
        assert.equal((await ask(path, { method: 'POST', body: 'x' })).body, 'written');
        gateway.web.answerWith(answer({ 'cache-control': 'max-age=60' }, 'after the write'));
        assert.equal((await ask(path)).body, 'after the write');
        old?.writeHead(200, { 'cache-control': 'max-age=60' }).end('before the write');
        assert.equal((await read).body, 'before the write');
        assert.equal((await ask(path)).body, 'after the write');
      });
    });

    describe('what is stale', () => {
      test('goes out at once while one request fetches a new one', async () => {
        const path = `${gateway.url}/open/while`;
        const terms = { 'cache-control': 'max-age=1, stale-while-revalidate=60' };
        gateway.web.answerWith(answer(terms, 'one'));
        await ask(path);
        gateway.clock.advance(2_000);
        gateway.web.answerWith(hold);
        const begun = gateway.web.begun();
        const told: Told[] = [];
        for (let count = 0; count < 5; count++) told.push(await ask(path));
        assert.ok(
          told.every(({ body, headers }) => body === 'one' && headers['cache-status'] === 'grapevine; hit; ttl=-1'),
        );
        await waitForHeld(1);
        assert.equal(gateway.web.begun() - begun, 1);
        release(terms, 'two');
        await until('the new one is there', async () => (await ask(path)).body === 'two', patientMs);
      });
    });

    describe('bounds', () => {
      test('bodies that are too long pass by, with a length and without', async () => {
        const body = 'x'.repeat(200 * 1024 + 1);
        for (const [path, length] of [
          ['/open/long', { 'content-length': String(body.length) }],
          ['/open/long-chunked', {}],
        ] as const) {
          gateway.web.answerWith(answer({ 'cache-control': 'max-age=60', ...length } as Record<string, string>, body));
          const begun = gateway.web.begun();
          for (const _ of [1, 2]) assert.ok((await ask(gateway.url + path)).body === body, 'the body differs');
          assert.equal(gateway.web.begun() - begun, 2, path);
        }
      });

      for (const size of [0, 1, 16 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 200 * 1024]) {
        test(`a body of ${size} bytes comes back byte for byte, with a length and without`, async () => {
          const body = Array.from({ length: size }, (_, index) => String(index % 10)).join('');
          for (const length of [{ 'content-length': String(size) }, {}]) {
            const path = `${gateway.url}/open/size-${size}-${Object.keys(length).length}`;
            gateway.web.answerWith(
              answer({ 'cache-control': 'max-age=60', ...length } as Record<string, string>, body),
            );
            await ask(path);
            const again = await ask(path);
            assert.match(String(again.headers['cache-status']), /hit/);
            assert.ok(again.body === body, 'the body differs');
            assert.equal(again.headers['content-length'], String(size));
          }
        });
      }

      test('entries and bytes stay within theirs; what was not used for longest goes first', async () => {
        gateway.web.answerWith(answer({ 'cache-control': 'max-age=60' }, 'x'));
        const used = `${gateway.url}/open/used`;
        for (let count = 0; count < 200; count++) {
          await ask(used);
          await ask(`${gateway.url}/open/entry-${count}`);
        }
        const begun = gateway.web.begun();
        await ask(used);
        await ask(`${gateway.url}/open/entry-199`);
        assert.equal(gateway.web.begun(), begun);
        await ask(`${gateway.url}/open/entry-0`);
        assert.equal(gateway.web.begun(), begun + 1);
        gateway.web.answerWith(answer({ 'cache-control': 'max-age=60' }, 'x'.repeat(150_000)));
        for (let count = 0; count < 20; count++) await ask(`${gateway.url}/open/large-${count}`);
        const { entries, bytes, evictions } = (await (await fetch(`${gateway.adminUrl}/cache`)).json()) as {
          entries: number;
          bytes: number;
          evictions: number;
        };
        assert.ok(entries <= 50 && entries > 0, `${entries} entries`);
        assert.ok(bytes <= 1024 * 1024 && bytes > 500_000, `${bytes} bytes`);
        assert.ok(evictions > 150, `${evictions} evictions`);
      });
    });

    describe('operators', () => {
      const purge = async (query: string): Promise<number> => {
        const response = await fetch(`${gateway.adminUrl}/cache/purge?${query}`, { method: 'POST' });
        return ((await response.json()) as { purged: number }).purged;
      };

      test('empty it by address, by prefix and whole', async () => {
        gateway.web.answerWith(answer({ 'cache-control': 'max-age=60' }, 'x'));
        await purge('all=true');
        const fill = async (): Promise<void> => {
          for (const path of ['/open/p/a', '/open/p/a?q', '/open/p/b', '/open/q']) await ask(gateway.url + path);
        };
        await fill();
        assert.equal(await purge('url=/open/p/a'), 1);
        assert.equal(await purge(`url=${encodeURIComponent(`${gateway.url}/open/p/b`)}`), 1);
        assert.equal(await purge('prefix=http://elsewhere.example/'), 0);
        await fill();
        assert.equal(await purge('prefix=/open/p/'), 3);
        assert.equal(await purge('all=true'), 1);
      });

      test('see in logs and metrics what it did', async () => {
        gateway.web.answerWith(answer({ 'cache-control': 'max-age=60' }, 'x'));
        const before = await requests();
        await ask(`${gateway.url}/open/counted`, { headers: { 'x-request-id': `${engine}-miss` } });
        await ask(`${gateway.url}/open/counted`, { headers: { 'x-request-id': `${engine}-hit` } });
        const line = (id: string): Readonly<Record<string, unknown>> | undefined =>
          gateway.logs.find((one) => one['requestId'] === `${engine}-${id}`);
        await until('both are logged', () => line('miss') !== undefined && line('hit') !== undefined, patientMs);
        assert.deepEqual([line('miss')?.['cache'], line('miss')?.['attempts']], ['miss', 1]);
        assert.equal(typeof line('miss')?.['upstreamMs'], 'number');
        assert.deepEqual(
          [line('hit')?.['cache'], line('hit')?.['attempts'], line('hit')?.['upstreamMs']],
          ['hit', 0, undefined],
        );
        const { hit, miss } = await requests();
        assert.deepEqual([hit, miss], [(before['hit'] ?? 0) + 1, (before['miss'] ?? 0) + 1]);
        const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
        assert.match(text, new RegExp(`^grapevine_gateway_cache_requests_total\\{verdict="hit"\\} ${hit}$`, 'm'));
        assert.match(text, /^grapevine_gateway_cache_entries \d+$/m);
      });
    });
  });

  test(`nobody waits for ever, by ${engine}`, async () => {
    const gateway = await startRunningGateway({ routes, cache: { joinMs: 20 } }, engine);
    const held: ServerResponse[] = [];
    gateway.web.answerWith((request, response) => {
      request.resume();
      held.push(response);
    });
    const first = ask(`${gateway.url}/open/slow`);
    await until('it is held', () => held.length === 1, patientMs);
    gateway.web.answerWith((_request, response) => void response.end('quick'));
    assert.equal((await ask(`${gateway.url}/open/slow`)).body, 'quick');
    held[0]?.end('slow');
    assert.equal((await first).body, 'slow');
    await gateway.stop();
  });

  test(`while the breaker is open, what may stand in goes out, and nothing else, by ${engine}`, async () => {
    const settings = { routes, breaker: { volume: 5, resetMs: 600_000 }, retry: { attempts: 1 } };
    const gateway = await startRunningGateway(settings, engine);
    const terms = { 'cache-control': 'max-age=1, stale-if-error=600' };
    gateway.web.answerWith((_request, response) => void response.writeHead(200, terms).end('before'));
    await ask(`${gateway.url}/open/kept`);
    gateway.clock.advance(2_000);
    gateway.web.answerWith((request, response) => {
      request.resume();
      response.socket?.destroy();
    });
    await until(
      'the breaker opens',
      async () => {
        const { status } = await ask(`${gateway.url}/open/never-kept`);
        const text = await (await fetch(`${gateway.adminUrl}/upstreams`)).text();
        return status >= 500 && text.includes('"breaker":"open"');
      },
      patientMs,
    );
    const begun = gateway.web.begun();
    const told = await ask(`${gateway.url}/open/kept`);
    assert.deepEqual([told.status, told.body, told.headers['age']], [200, 'before', '2']);
    assert.equal((await ask(`${gateway.url}/open/never-kept`)).status, 503);
    assert.equal(gateway.web.begun(), begun);
    await gateway.stop();
  });
}
