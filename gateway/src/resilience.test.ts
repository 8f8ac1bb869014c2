import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { lastingPort } from '@grapevine/test/fixtures/lasting-port.ts';
import { type Answer, type RecordingUpstream, startRecordingUpstream } from './testing/recording-upstream.ts';
import { engines, type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

const ok: Answer = (request, response) => void request.resume().once('end', () => response.end('ok'));
const breakOff: Answer = (request) => void request.resume().once('end', () => request.socket.destroy());
const status =
  (code: number): Answer =>
  (request, response) =>
    void request.resume().once('end', () => response.writeHead(code).end());

/** Never opens within a test. */
const breaker = { failureRatio: 1, volume: 10_000 };

interface InstanceState {
  readonly url: string;
  readonly ejected: boolean;
  readonly healthy: boolean;
  readonly inFlight: number;
}
interface State {
  readonly attempts: { readonly retries: number; readonly hedges: number; readonly withheld: number };
  readonly instances: readonly InstanceState[];
}

let gateway: RunningGateway;
const upstreams: RecordingUpstream[] = [];
afterEach(async () => {
  await gateway.stop();
  for (const upstream of upstreams.splice(0)) await upstream.stop();
});

/** A gateway with `count` instances of `web`. */
async function start(
  count: number,
  settings: Record<string, unknown> = {},
  engine?: 'dispatch' | 'proxy',
): Promise<void> {
  for (let index = 0; index < count; index++) upstreams.push(await startRecordingUpstream());
  const web = upstreams.map(({ url }) => url);
  gateway = await startRunningGateway({ breaker, upstreams: { web }, ...settings }, engine);
}

async function state(): Promise<State> {
  const answer = await (await fetch(`${gateway.adminUrl}/upstreams`)).json();
  return (
    (answer as { upstreams: (State & { name: string })[] }).upstreams.find(({ name }) => name === 'web') ??
    assert.fail()
  );
}

const begun = (): number => upstreams.reduce((sum, upstream) => sum + upstream.begun(), 0);

describe('what fails at one instance is tried at another', () => {
  for (const engine of engines) {
    const failures: [name: string, answer: Answer][] = [
      ['breaks off', breakOff],
      ['is not there behind it: 502', status(502)],
      ['is overloaded: 503', status(503)],
      ['waits in vain: 504', status(504)],
    ];
    for (const [name, failure] of failures) {
      test(`by ${engine}: one that ${name}`, async () => {
        await start(2, {}, engine);
        upstreams[0]?.answerWith(failure);
        for (let count = 0; count < 12; count++) assert.equal((await gateway.fetch('/web/x')).status, 200);
        assert.ok((upstreams[0]?.begun() ?? 0) > 0, 'the bad one was never asked');
        assert.ok(gateway.logs.some((line) => line['attempts'] === 2 && line['status'] === 200));
      });
    }

    test(`by ${engine}: one that hangs, within the time of one attempt`, async () => {
      await start(2, { upstreamTimeoutMs: 200 }, engine);
      upstreams[0]?.answerWith(() => {});
      for (let count = 0; count < 6; count++) assert.equal((await gateway.fetch('/web/x')).status, 200);
    });

    test(`by ${engine}: a body that was kept goes along again`, async () => {
      await start(2, {}, engine);
      upstreams[0]?.answerWith(breakOff);
      const init = { method: 'PUT', body: 'x'.repeat(50_000) };
      for (let count = 0; count < 8; count++) assert.equal((await gateway.fetch('/web/x', init)).status, 200);
      for (const { body } of upstreams.flatMap(({ received }) => received)) assert.equal(body.length, 50_000);
    });
  }

  test('one that is not there, for every method: nothing was sent yet', async () => {
    await start(1);
    await gateway.stop();
    const web = [`http://127.0.0.1:${await lastingPort()}`, upstreams[0]?.url ?? ''];
    gateway = await startRunningGateway({ breaker, upstreams: { web } });
    for (let count = 0; count < 10; count++) {
      assert.equal((await gateway.fetch('/web/x', { method: 'POST', body: 'x' })).status, 200);
    }
    assert.equal(upstreams[0]?.begun(), 10, 'each was made once');
  });
});

describe('what could do harm twice is done once', () => {
  test('a POST that broke off is not repeated, one with an Idempotency-Key is', async () => {
    await start(2);
    for (const upstream of upstreams) upstream.answerWith(breakOff);
    const post = { method: 'POST', body: 'x' };
    assert.equal((await gateway.fetch('/web/x', post)).status, 502);
    assert.equal(begun(), 1);
    const withKey = { ...post, headers: { 'idempotency-key': 'k' } };
    assert.equal((await gateway.fetch('/web/x', withKey)).status, 502);
    assert.equal(begun(), 1 + 3);
    const keys = upstreams.flatMap(({ received }) => received).map(({ headers }) => headers['idempotency-key']);
    assert.equal(keys.filter((key) => key === 'k').length, 3);
  });

  test('a body that flowed through is not repeated', async () => {
    await start(2);
    for (const upstream of upstreams) upstream.answerWith(breakOff);
    assert.equal((await gateway.fetch('/web/x', { method: 'PUT', body: 'x'.repeat(100_000) })).status, 502);
    assert.equal(begun(), 1);
  });

  test('an error of the request itself is not repeated, and an answer that has begun is not', async () => {
    await start(2);
    for (const upstream of upstreams) upstream.answerWith(status(500));
    assert.equal((await gateway.fetch('/web/x')).status, 500);
    assert.equal(begun(), 1);
    for (const upstream of upstreams) {
      upstream.answerWith((_request, response) => {
        response.write('half');
        setImmediate(() => response.destroy());
      });
    }
    const response = await gateway.fetch('/web/x');
    await assert.rejects(response.text());
    assert.equal(begun(), 2);
  });
});

describe('retries are bounded', () => {
  test('by attempts: the last answer is what the client gets', async () => {
    await start(5, { retry: { attempts: 3 } });
    for (const upstream of upstreams) upstream.answerWith(status(503));
    assert.equal((await gateway.fetch('/web/x')).status, 503);
    assert.equal(begun(), 3);
    assert.ok(
      upstreams.every((upstream) => upstream.begun() <= 1),
      'nobody was asked twice while others were left',
    );
  });

  test('by a budget: when everything fails, requests are hardly repeated at all', async () => {
    await start(3, { retry: { budgetRatio: 0.1 }, ejection: { failures: 1_000 } });
    for (const upstream of upstreams) upstream.answerWith(status(503));
    for (let count = 0; count < 100; count++) await gateway.fetch('/web/x');
    const { attempts } = await state();
    // The gateway's clock stands still: nothing but the ten of the beginning and a tenth of the requests.
    assert.ok(attempts.retries <= 20, `${attempts.retries} retries`);
    assert.ok(attempts.withheld > 0);
  });

  test('by the deadline, which covers all attempts', async () => {
    await start(3, { deadlineMs: 300, upstreamTimeoutMs: 60_000 });
    for (const upstream of upstreams) upstream.answerWith(() => {});
    assert.equal((await gateway.fetch('/web/x')).status, 504);
  });

  test('none, where the configuration says so', async () => {
    await start(2, { retry: { attempts: 1 } });
    for (const upstream of upstreams) upstream.answerWith(breakOff);
    assert.equal((await gateway.fetch('/web/x')).status, 502);
    assert.equal(begun(), 1);
  });
});

describe('the time that is left', () => {
  test('goes down with each request, and nobody from outside can set it', async () => {
    await start(1, { deadlineMs: 5_000 });
    await gateway.fetch('/web/x', { headers: { 'grapevine-time-left': '99999999' } });
    assert.equal(upstreams[0]?.received.at(-1)?.headers['grapevine-time-left'], '5000');
  });
});

describe('choosing among instances', () => {
  test('a slow one gets few requests, and the others share the rest', async () => {
    await start(3);
    upstreams[0]?.answerWith((_request, response) => void setTimeout(() => response.end(), 30));
    const one = async (): Promise<void> => {
      for (let count = 0; count < 20; count++) await gateway.fetch('/web/x');
    };
    // Load alone shows it, without a clock: the slow one is the one that still has requests open.
    await Promise.all(Array.from({ length: 6 }, one));
    const [slow = 0, ...fast] = upstreams.map((upstream) => upstream.begun());
    for (const count of fast) assert.ok(count > slow, `${count} against ${slow}`);
  });

  test('one that fails again and again is left out, and the others take its share', async () => {
    await start(3, { ejection: { failures: 2 }, retry: { attempts: 1 } });
    upstreams[0]?.answerWith(status(500));
    for (let count = 0; count < 60; count++) await gateway.fetch('/web/x');
    assert.equal(upstreams[0]?.begun(), 2);
    assert.deepEqual(
      (await state()).instances.map(({ ejected }) => ejected),
      [true, false, false],
    );
    gateway.clock.advance(10_000);
    upstreams[0]?.answerWith(ok);
    await until('it is asked again', async () => {
      await gateway.fetch('/web/x');
      return (upstreams[0]?.begun() ?? 0) > 2;
    });
  });

  test('when all fail, nobody is left out: somebody has to be asked', async () => {
    await start(2, { ejection: { failures: 1 }, retry: { attempts: 1 } });
    for (const upstream of upstreams) upstream.answerWith(status(500));
    for (let count = 0; count < 10; count++) assert.equal((await gateway.fetch('/web/x')).status, 500);
    assert.equal(begun(), 10);
  });
});

describe('health checks', () => {
  test('an instance that says it is ill gets no requests, until it says it is well', async () => {
    await start(2, { healthCheck: { intervalMs: 100, path: '/readyz' } });
    let well = false;
    const requests: string[] = [];
    upstreams[0]?.answerWith((request, response) => {
      if (request.url !== '/readyz') requests.push(request.url ?? '');
      response.writeHead(request.url === '/readyz' && !well ? 503 : 200).end();
    });
    await until('it counts as ill', async () => (await state()).instances[0]?.healthy === false, 30_000);
    requests.length = 0;
    for (let count = 0; count < 30; count++) assert.equal((await gateway.fetch('/web/x')).status, 200);
    assert.deepEqual(requests, []);
    well = true;
    await until('it counts as well', async () => (await state()).instances[0]?.healthy === true, 30_000);
    await until('it is asked again', async () => {
      await gateway.fetch('/web/x');
      return requests.length > 0;
    });
  });
});

describe('hedging', () => {
  const route = { name: 'web', path: '/web/**', upstream: 'web', scopes: 'public' };

  test('where a route asks for it, a second instance is asked when the first takes long, and the loser is given up', async () => {
    await start(2, { routes: [{ ...route, hedgeAfterMs: 20 }] });
    upstreams[0]?.answerWith(() => {});
    // Which of the two comes first is chance.
    await until('the one that hangs was first', async () => {
      assert.equal((await gateway.fetch('/web/x')).status, 200);
      return (await state()).attempts.hedges > 0;
    });
    await until('nothing is left open', async () => (await state()).instances.every(({ inFlight }) => inFlight === 0));
  });

  test('not for what may not be done twice', async () => {
    await start(2, { routes: [{ ...route, hedgeAfterMs: 1 }] });
    for (const upstream of upstreams) {
      upstream.answerWith((_request, response) => void setTimeout(() => response.end(), 50));
    }
    assert.equal((await gateway.fetch('/web/x', { method: 'POST', body: 'x' })).status, 200);
    assert.equal(begun(), 1);
  });
});
