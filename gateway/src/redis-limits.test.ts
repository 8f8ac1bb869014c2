import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type GatewayProcess, readyPorts, startProcess, startWorkers } from './testing/gateway-process.ts';
import { type RecordingUpstream, startRecordingUpstream } from './testing/recording-upstream.ts';
import { RedisServer } from './testing/redis-server.ts';
import { signWithHmac, until } from './testing/running-gateway.ts';

const patientMs = 60_000;
/** Nobody's limit: `burst` at once, and nearly nothing after. */
const rate = { perSecond: 1, burst: 40 };

/** Where Redis is only late because the machine is busy, that must not look like an outage. */
const patientTimeoutMs = 5_000;

let upstream: RecordingUpstream;
let redis: RedisServer;
let gateways: readonly Running[] = [];

interface Running extends GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
}

before(async () => {
  [upstream, redis] = await Promise.all([startRecordingUpstream(), RedisServer.start()]);
});
after(() => Promise.all([upstream.stop(), redis.stop()]));

/** Gateways with so many workers each, in place of those before. */
async function startGateways(workers: readonly number[], timeoutMs: number): Promise<void> {
  gateways = await Promise.all(
    workers.map(async (count) => {
      const started = await startWorkers(count, {
        GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream.url]),
        GRAPEVINE_GATEWAY__RATE_LIMIT__PRINCIPAL: JSON.stringify(rate),
        GRAPEVINE_GATEWAY__RATE_LIMIT__REDIS: JSON.stringify({ url: redis.url, timeoutMs, gateways: workers.length }),
      });
      const { http, admin } = await readyPorts(started);
      return { ...started, url: `http://127.0.0.1:${http}`, adminUrl: `http://127.0.0.1:${admin}` };
    }),
  );
}

async function killGateways(): Promise<void> {
  for (const { child } of gateways) child.kill('SIGKILL');
  await Promise.all(gateways.map(({ exit }) => exit));
}

async function allCountIn(place: 'redis' | 'insurance'): Promise<void> {
  for (const gateway of gateways) await until(`${place} counts`, () => countsIn(gateway, place), patientMs);
}

/** A request that some gateway's limits look at; a probe of its own, because what is not used is not noticed. */
async function countsIn(gateway: Running, place: string): Promise<boolean> {
  await ask(gateway, 'probe');
  const limits = (await (await fetch(`${gateway.adminUrl}/limits`)).json()) as { countedIn: string };
  return limits.countedIn === place;
}

const tokens = new Map<string, Promise<string>>();

async function ask({ url }: Running, subject: string): Promise<number> {
  const token = tokens.get(subject) ?? signWithHmac(subject);
  tokens.set(subject, token);
  const headers = { authorization: `Bearer ${await token}` };
  const answer = await fetch(`${url}/web/x`, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

/** How many of `count` requests to each gateway at once pass; none may get anything but 200 or 429. */
async function passing(count: number, subject: string): Promise<number> {
  const asked = gateways.flatMap((gateway) => Array.from({ length: count }, () => ask(gateway, subject)));
  const statuses = await Promise.all(asked);
  assert.deepEqual(
    statuses.filter((status) => status !== 200 && status !== 429),
    [],
  );
  return statuses.filter((status) => status === 200).length;
}

/** At least the burst; one more for each second that a busy machine takes, and less than twice as many in any case. */
function assertOneLimit(passed: number): void {
  assert.ok(passed >= rate.burst && passed < 2 * rate.burst, `${passed} passed; the burst is ${rate.burst}`);
}

describe('two gateways, one of them with two workers', () => {
  before(async () => {
    await startGateways([1, 2], patientTimeoutMs);
    // Connecting can take longer than the gateways wait for it.
    await allCountIn('redis');
  });
  after(killGateways);

  test('hold a caller to one limit', async () => {
    assertOneLimit(await passing(rate.burst, 'alice'));
    assertOneLimit(await passing(rate.burst, 'bob'));
    assert.match(await redis.ask('KEYS *principal*alice'), /^\*[12]\r\n/);
    assert.match(await (await fetch(`${gateways[1]?.adminUrl}/metrics`)).text(), /rates_counted_in\{place="redis"\} 1/);
  });

  test('while Redis is dead each gives out its share, and Redis counts again when it is back', async () => {
    await redis.die();
    // Counted in full although every request of them finds Redis gone.
    assertOneLimit(await passing(rate.burst, 'carol'));
    await allCountIn('insurance');
    await redis.comeBack();
    await allCountIn('redis');
    assertOneLimit(await passing(rate.burst, 'dave'));
    const lines = gateways[0]?.output() ?? '';
    assert.match(lines, /"level":"warn".*Redis is away/);
    assert.match(lines, /Redis is back/);
  });
});

describe('a gateway that waits for Redis only briefly', () => {
  before(() => redis.die());
  after(killGateways);

  test('starts while Redis is away', async () => {
    await startGateways([1], 50);
    assert.equal(await passing(3, 'alice'), 3);
    await redis.comeBack();
    await allCountIn('redis');
  });

  test('makes nobody wait for long for a Redis that hangs, and gives nobody more than twice the limit', async () => {
    await passing(rate.burst, 'bob');
    redis.hang();
    const again = await passing(rate.burst, 'bob');
    assert.ok(again < 2 * rate.burst, `${again} more passed`);
    await allCountIn('insurance');
    redis.goOn();
    await allCountIn('redis');
  });
});

test('a password in the address is refused, and a file without one', async () => {
  const refusals = [
    [{ url: 'redis://:secret@127.0.0.1' }, /passwordFile/],
    [{ url: redis.url, passwordFile: '/absent' }, /\/absent[^\n]*CONFIG_INVALID/],
  ] as const;
  await Promise.all(
    refusals.map(async ([settings, found]) => {
      const started = startProcess({ GRAPEVINE_GATEWAY__RATE_LIMIT__REDIS: JSON.stringify(settings) });
      assert.equal((await started.exit).code, 1);
      assert.match(started.errors(), found);
      assert.doesNotMatch(started.errors(), /secret/);
    }),
  );
});
