import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configSchema } from '@grapevine/shared/config/schema.ts';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import { AddressList } from './limits/address-list.ts';
import { clientAddress } from './limits/client-address.ts';
import { startRunningGateway } from './testing/running-gateway.ts';

test('a list holds addresses and networks of both families, however they are written', () => {
  const list = new AddressList(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1', 'fe80::/10']);
  const inside = ['10.255.0.1', '192.0.2.7', '2001:DB8:0:0::9', '0:0:0:0:0:0:0:1', '::ffff:10.1.2.3', 'fe80::1%eth0'];
  const outside = [
    '11.0.0.1',
    '192.0.2.8',
    '2001:db9::',
    '::2',
    '::ffff:11.1.2.3',
    'unknown',
    '',
    '10.0.0.0/8',
    '10.1',
  ];
  for (const address of inside) assert.equal(list.holds(address), true, address);
  for (const address of outside) assert.equal(list.holds(address), false, address);
  assert.equal(new AddressList(['0.0.0.0/0']).holds('203.0.113.1'), true);
  assert.equal(new AddressList([]).holds('203.0.113.1'), false);
});

test('what is no network is refused with its place', () => {
  for (const entry of ['10.0.0.0/33', '10.0.0', 'example.org', '::/129', '']) {
    const parsed = configSchema.safeParse({ gateway: { ipAccess: { deny: [entry] } } });
    assert.match(String(parsed.error), /expected an IP address or network/, entry);
  }
});

describe('behind proxies', () => {
  const trusted = new AddressList(['10.0.0.0/8', '2001:db8::/64']);
  const cases: [name: string, peer: string, header: string | undefined, client: string][] = [
    ['a stranger that forges it', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['no header', '10.0.0.1', undefined, '10.0.0.1'],
    ['one proxy', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['a client that forged more to the left', '10.0.0.1', '127.0.0.1, 10.9.9.9, 198.51.100.1', '198.51.100.1'],
    ['two proxies', '10.0.0.1', '1.1.1.1,198.51.100.1,10.0.0.2', '198.51.100.1'],
    ['IPv6 proxies and client', '2001:db8::5', 'x, 2001:db9::1 , 2001:db8::6', '2001:db9::1'],
    ['only proxies', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a port', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['brackets and a port', '10.0.0.1', '[2001:db9::1]:4711', '2001:db9::1'],
    ['IPv4 written as IPv6', '10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['something else than an address', '10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
    ['nothing behind the comma', '10.0.0.1', '198.51.100.1,', '10.0.0.1'],
    ['an empty header', '10.0.0.1', '', '10.0.0.1'],
    ['endless proxies', '10.0.0.1', `198.51.100.1${', 10.0.0.2'.repeat(1_000)}`, '10.0.0.2'],
  ];
  for (const [name, peer, header, client] of cases) {
    test(name, () => assert.equal(clientAddress(peer, header, trusted), client));
  }
});

interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
  /** What the upstream is told. */
  readonly told: Readonly<Record<string, unknown>> | undefined;
}

async function ask(ipAccess: object, headers: Record<string, string>): Promise<Outcome> {
  const gateway = await startRunningGateway({ ipAccess });
  try {
    const response = await gateway.fetch('/console/app.js', { headers });
    const code = response.status === 200 ? undefined : problemSchema.parse(await response.json()).code;
    return { status: response.status, code, told: gateway.web.received.at(-1)?.headers };
  } finally {
    await gateway.stop();
  }
}

describe('through the gateway', () => {
  const refused = { status: 403, code: 'ADDRESS_REFUSED', told: undefined };

  test('who is denied, or missing in a list of those allowed, is refused, on public routes too', async () => {
    assert.deepEqual(await ask({ deny: ['127.0.0.0/8'] }, {}), refused);
    assert.deepEqual(await ask({ deny: ['127.0.0.1'], allow: ['127.0.0.1'] }, {}), refused);
    assert.deepEqual(await ask({ allow: ['10.0.0.0/8', '::1'] }, {}), refused);
    assert.equal((await ask({ allow: ['127.0.0.0/8'], deny: ['127.0.0.2'] }, {})).status, 200);
  });

  test('a forged forwarding header opens nothing and goes no further', async () => {
    const forged = {
      'x-forwarded-for': '10.0.0.1',
      'x-real-ip': '10.0.0.1',
      forwarded: 'for=10.0.0.1',
      'x-forwarded-proto': 'https',
    };
    assert.deepEqual(await ask({ allow: ['10.0.0.0/8'] }, forged), refused);
    const { told } = await ask({}, forged);
    assert.deepEqual(
      [told?.['x-forwarded-for'], told?.['x-forwarded-proto'], told?.['forwarded'], told?.['x-real-ip']],
      ['127.0.0.1', 'http', undefined, undefined],
    );
  });

  test('a trusted proxy is believed: the client behind it is refused, or reaches the upstream under its own address', async () => {
    const trustedProxies = ['127.0.0.1'];
    const headers = { 'x-forwarded-for': '10.0.0.1, 198.51.100.1', 'x-forwarded-proto': 'https' };
    assert.deepEqual(await ask({ trustedProxies, deny: ['198.51.100.0/24'] }, headers), refused);
    const { told } = await ask({ trustedProxies, deny: ['10.0.0.0/8'] }, headers);
    assert.equal(told?.['x-forwarded-for'], '198.51.100.1');
    assert.equal(told?.['x-forwarded-proto'], 'https');
  });
});
