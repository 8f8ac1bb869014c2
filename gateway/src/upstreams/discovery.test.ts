import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upstream } from '@grapevine/shared/config/upstream-schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { DnsServer } from '@grapevine/test/fixtures/dns-server.ts';
import { pino } from 'pino';
import { Discovery } from './discovery.ts';

const log = pino({ level: 'silent' });

function byDns(name: string, server: DnsServer): ReturnType<typeof upstream.parse> {
  return upstream.parse({ kind: 'dns', name, port: 8080, servers: [server.address] });
}

test('several names are asked for side by side', async () => {
  await using dns = await DnsServer.open();
  dns.zone = new Map([
    ['web.test', ['127.0.0.1']],
    ['mobile.test', ['127.0.0.2']],
  ]);
  dns.namesTogether = 2;
  using leases = new DisposableStack();
  const upstreams = { web: byDns('web.test', dns), mobile: byDns('mobile.test', dns) };
  const sources = await new Discovery(log).leaseAll(upstreams, leases);
  assert.deepEqual(sources.get('web')?.urls(), ['http://127.0.0.1:8080']);
  assert.deepEqual(sources.get('mobile')?.urls(), ['http://127.0.0.2:8080']);
});

test('a file that cannot be used is refused, whatever the others are', async () => {
  await using dns = await DnsServer.open();
  dns.zone = new Map([['web.test', ['127.0.0.1']]]);
  using leases = new DisposableStack();
  const upstreams = {
    web: byDns('web.test', dns),
    mobile: upstream.parse({ kind: 'file', path: '/absent/instances' }),
  };
  const refused = (error: unknown): boolean => error instanceof GrapevineError && error.code === 'CONFIG_INVALID';
  await assert.rejects(new Discovery(log).leaseAll(upstreams, leases), refused);
});
