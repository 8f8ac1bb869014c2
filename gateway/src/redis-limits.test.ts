import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type GatewayProcess, readyPorts, startProcess } from './testing/gateway-process.ts';
import { type RecordingUpstream, startRecordingUpstream } from './testing/recording-upstream.ts';
import { RedisServer } from './testing/redis-server.ts';
import { signWithHmac, until } from './testing/running-gateway.ts';

const patientMs = 60_000;
/** Nobody's limit: `burst` at once, and nearly nothing after. */
const rate = { perSecond: 1, burst: 40 };

/** Where Redis is only late because the machine is busy, that must not look like an outage. */
const patientTimeoutMs = 5_000;

let redis: RedisServer;
let upstream: RecordingUpstream;
let gateways: readonly Running[];

interface Running extends GatewayProcess {
  readonly url: string;
  readonly adminUrl: string;
}

before(async () => {
  upstream = await startRecordingUpstream();
});
after(() => upstream.stop());
beforeEach(async () => {
  redis = await RedisServer.start();
});
afterEach(async () => {
  for (const { child } of gateways) child.kill('SIGKILL');
  await Promise.all(gateways.map(({ exit }) => exit));
  redis.goOn();
  await redis.stop();
});

async function startGateways(workers: readonly number[], timeoutMs = patientTimeoutMs): Promise<void> {
  gateways = await Promise.all(
    workers.map(async (count) => {
      const started = startProcess({
        GRAPEVINE_GATEWAY__WORKERS: String(count),
        GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream.url]),
        GRAPEVINE_GATEWAY__RATE_LIMIT__PRINCIPAL: JSON.stringify(rate),
        GRAPEVINE_GATEWAY__RATE_LIMIT__REDIS: JSON.stringify({ url: redis.url, timeoutMs, gateways: workers.length }),
      });
      const { http, admin } = await readyPorts(started);
      return { ...started, url: `http://127.0.0.1:${http}`, adminUrl: `http://127.0.0.1:${admin}` };
    }),
  );
  // Connecting can take longer than the gateways wait for it.
  for (const gateway of gateways) await until('it counts in Redis', () => countsIn(gateway, 'redis'), patientMs);
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

test('two gateways, one of them with two workers, hold a caller to one limit', async () => {
  await startGateways([1, 2]);
  assertOneLimit(await passing(rate.burst, 'alice'));
  assertOneLimit(await passing(rate.burst, 'bob'));
  assert.match(await redis.ask('KEYS *principal*alice'), /^\*[12]\r\n/);
  assert.match(await (await fetch(`${gateways[1]?.adminUrl}/metrics`)).text(), /rates_counted_in\{place="redis"\} 1/);
});

test('while Redis is dead each gateway gives out its share, and Redis counts again when it is back', async () => {
  await startGateways([1, 1]);
  await redis.die();
  // Counted in full although every request of them finds Redis gone.
  assertOneLimit(await passing(rate.burst, 'alice'));
  for (const gateway of gateways) await until('the insurance counts', () => countsIn(gateway, 'insurance'), patientMs);
  await redis.comeBack();
  for (const gateway of gateways) await until('Redis counts', () => countsIn(gateway, 'redis'), patientMs);
  assertOneLimit(await passing(rate.burst, 'carol'));
  const lines = gateways[0]?.output() ?? '';
  assert.match(lines, /"level":"warn".*Redis is away/);
  assert.match(lines, /Redis is back/);
});

test('a Redis that hangs makes nobody wait for long, and gives nobody more than twice the limit', async () => {
  await startGateways([1, 1], 50);
  await passing(rate.burst, 'alice');
  redis.hang();
  const again = await passing(rate.burst, 'alice');
  assert.ok(again < 2 * rate.burst, `${again} more passed`);
  for (const gateway of gateways) await until('the insurance counts', () => countsIn(gateway, 'insurance'), patientMs);
  redis.goOn();
  for (const gateway of gateways) await until('Redis counts', () => countsIn(gateway, 'redis'), patientMs);
});

test('a gateway starts while Redis is away', async () => {
  await redis.die();
  const started = startProcess({
    GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream.url]),
    GRAPEVINE_GATEWAY__RATE_LIMIT__REDIS: JSON.stringify({ url: redis.url }),
  });
  const { http, admin } = await readyPorts(started);
  gateways = [{ ...started, url: `http://127.0.0.1:${http}`, adminUrl: `http://127.0.0.1:${admin}` }];
  assert.equal(await passing(3, 'alice'), 3);
  await redis.comeBack();
  await until('Redis counts', () => countsIn(gateways[0] ?? assert.fail(), 'redis'), patientMs);
});

test('a password in the address is refused, and a file without one', async () => {
  gateways = [];
  for (const [settings, found] of [
    [{ url: 'redis://:secret@127.0.0.1' }, /passwordFile/],
    [{ url: redis.url, passwordFile: '/absent' }, /\/absent[^\n]*CONFIG_INVALID/],
  ] as const) {
    const started = startProcess({ GRAPEVINE_GATEWAY__RATE_LIMIT__REDIS: JSON.stringify(settings) });
    assert.equal((await started.exit).code, 1);
    assert.match(started.errors(), found);
    assert.doesNotMatch(started.errors(), /secret/);
  }
});
