import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

async function withGateway(rateLimit: object, use: (gateway: RunningGateway) => Promise<void>): Promise<void> {
  const gateway = await startRunningGateway({ rateLimit });
  try {
    await use(gateway);
  } finally {
    await gateway.stop();
  }
}

async function statusesOf(count: number, ask: () => Promise<Response>): Promise<readonly number[]> {
  const responses = await Promise.all(Array.from({ length: count }, ask));
  return responses.map((response) => response.status).sort();
}

const wide = { perSecond: 1_000, burst: 1_000 };

describe('rates', () => {
  test('a principal gets its burst, then 429 with Retry-After, and others are not touched', async () => {
    await withGateway({ principal: { perSecond: 2, burst: 5 }, address: wide }, async (gateway) => {
      assert.deepEqual(await statusesOf(8, () => gateway.fetch('/web/x')), [200, 200, 200, 200, 200, 429, 429, 429]);
      const refused = await gateway.fetch('/web/x');
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get('retry-after'), '1');
      assert.equal(refused.headers.get('ratelimit'), '"principal";r=0;t=1');
      assert.equal(refused.headers.get('ratelimit-policy'), '"principal";q=2;w=1, "principal-burst";q=3;w=15');
      const problem = (await refused.json()) as Record<string, unknown>;
      assert.equal(problem['code'], 'RATE_LIMITED');
      assert.match(String(problem['detail']), /2 per second with bursts of 5/);
      assert.equal(gateway.web.received.length, 5);
      const bob = { headers: { authorization: `Bearer ${await gateway.token({ subject: 'bob' })}` } };
      assert.equal((await gateway.fetch('/web/x', bob)).status, 200);
    });
  });

  test('another token of the same principal shares its rate', async () => {
    await withGateway({ principal: { perSecond: 1, burst: 1 }, address: wide }, async (gateway) => {
      assert.equal((await gateway.fetch('/web/x')).status, 200);
      const other = { headers: { authorization: `Bearer ${await gateway.token({ expiresIn: 99 })}` } };
      assert.equal((await gateway.fetch('/web/x', other)).status, 429);
    });
  });

  test('what Retry-After promises comes true', async () => {
    await withGateway({ principal: { perSecond: 1, burst: 1 }, address: wide }, async (gateway) => {
      await gateway.fetch('/web/x');
      await until('it is allowed again', async () => (await gateway.fetch('/web/x')).status === 200);
    });
  });

  test('an address is limited before its tokens are looked at, on public routes too', async () => {
    await withGateway({ principal: wide, address: { perSecond: 2, burst: 2 } }, async (gateway) => {
      const guess = { headers: { authorization: 'Bearer guess' } };
      assert.deepEqual(await statusesOf(4, () => gateway.fetch('/web/x', guess)), [401, 401, 429, 429]);
      assert.equal((await gateway.fetch('/console/')).status, 429);
    });
  });

  test('what an operation costs is charged after it, told to the client as what is left, and kept from it otherwise', async () => {
    const rates = { principal: { perSecond: 40, burst: 40 }, address: wide, costPerRequest: 10 };
    await withGateway(rates, async (gateway) => {
      let cost = '10';
      gateway.web.answerWith((request, response) => {
        request.resume().once('end', () => response.writeHead(200, { 'grapevine-cost': cost }).end('{}'));
      });
      const ask = (): Promise<Response> => gateway.fetch('/web/graphql', { method: 'POST', body: '{}' });
      const cheap = await ask();
      assert.equal(cheap.headers.get('grapevine-cost'), null);
      assert.match(cheap.headers.get('ratelimit') ?? '', /r=39;/);
      cost = '51';
      // One more if a new second has begun in between.
      assert.match((await ask()).headers.get('ratelimit') ?? '', /r=3[34];/);
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      assert.match(metrics, /grapevine_gateway_cost_total\{route="web"\} 61/);
      cost = '5000';
      // More than is left: it is served, those after it in the same second are not.
      const isServedThenRefused = async (): Promise<boolean> => {
        const [first, second] = [await ask(), await ask()];
        return first.status === 200 && second.status === 429;
      };
      await until('one is refused after one that was served', isServedThenRefused, 30_000);
    });
  });

  test('a cost that is no number is not charged', async () => {
    await withGateway(
      { principal: { perSecond: 40, burst: 40 }, address: wide, costPerRequest: 1 },
      async (gateway) => {
        for (const cost of ['-5', '1e9', 'NaN', '99999999999', '']) {
          gateway.web.answerWith((request, response) => {
            request.resume().once('end', () => response.writeHead(200, { 'grapevine-cost': cost }).end('{}'));
          });
          assert.equal((await gateway.fetch('/web/graphql')).status, 200);
        }
      },
    );
  });
});
