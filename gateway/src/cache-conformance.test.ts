/**
 * The rules of HTTP caching for a shared cache (RFC 9111, RFC 5861, and what they refer to), each played against a real
 * gateway in front of a real upstream.
 */
import { after, before, describe, test } from 'node:test';
import { ageing } from './testing/cache-cases/ageing.ts';
import { type CacheCase, play } from './testing/cache-cases/cache-case.ts';
import { credentials } from './testing/cache-cases/credentials.ts';
import { invalidating } from './testing/cache-cases/invalidating.ts';
import { requesting } from './testing/cache-cases/requesting.ts';
import { storing } from './testing/cache-cases/storing.ts';
import { validating } from './testing/cache-cases/validating.ts';
import { varying } from './testing/cache-cases/varying.ts';
import { engines, type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

const cases: Readonly<Record<string, readonly CacheCase[]>> = {
  storing,
  credentials,
  varying,
  ageing,
  validating,
  requesting,
  invalidating,
};
const rate = { perSecond: 10_000_000, burst: 10_000_000 };
const cached = { upstream: 'web', cache: true };
const routes = [
  { ...cached, name: 'open', path: '/open/**', scopes: 'public' },
  { ...cached, name: 'closed', path: '/closed/**', scopes: { read: 'messages:read', write: 'messages:write' } },
];

for (const engine of engines) {
  describe(`by ${engine}`, () => {
    let gateway: RunningGateway;
    before(async () => {
      gateway = await startRunningGateway({ routes, rateLimit: { principal: rate, address: rate } }, engine);
    });
    after(() => gateway.stop());

    for (const [group, list] of Object.entries(cases)) {
      describe(group, () => {
        for (const [index, one] of list.entries()) {
          const section = one.section.startsWith('RFC') ? one.section : `section ${one.section}`;
          test(`${section}: ${one.rule}`, () => play(gateway, `${group}-${index}`, one));
        }
      });
    }
  });
}
