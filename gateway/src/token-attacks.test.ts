import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import { exportJWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

let gateway: RunningGateway;
before(async () => {
  gateway = await startRunningGateway({
    rateLimit: { address: { perSecond: 1_000_000, burst: 1_000_000 } },
    auth: { cacheEntries: 100 },
  });
});
after(() => gateway.stop());

const attacker = generateKeyPairSync('ed25519');

/** A token of the attacker with all the right claims. */
function forge(header: Omit<JWTHeaderParameters, 'alg'>): Promise<string> {
  const now = Math.floor(gateway.clock.wallMs() / 1_000);
  return new SignJWT({ scope: 'messages:read' })
    .setProtectedHeader({ alg: 'EdDSA', ...header })
    .setIssuer('grapevine')
    .setAudience('grapevine')
    .setSubject('eve')
    .setExpirationTime(now + 60)
    .sign(attacker.privateKey);
}

async function refusalOf(token: string): Promise<string> {
  const response = await gateway.fetch('/web/graphql', { headers: { authorization: `Bearer ${token}` } });
  const problem = problemSchema.parse(await response.json());
  assert.equal(response.status, 401);
  assert.equal(problem.code, 'UNAUTHENTICATED');
  return problem.detail ?? '';
}

test('a key or its address in the header is refused by name, with whatever key id', async () => {
  const jwk = await exportJWK(attacker.publicKey);
  const upstream = gateway.web.url;
  const headers: [string, object][] = [
    ['jwk', { jwk }],
    ['jku', { jku: `${upstream}/jwks.json` }],
    ['x5u', { x5u: `${upstream}/cert.pem` }],
    ['x5c', { x5c: ['MII='] }],
  ];
  for (const [member, header] of headers) {
    for (const kid of ['ed', 'none'])
      assert.match(await refusalOf(await forge({ kid, ...header })), new RegExp(member));
  }
  assert.equal(gateway.web.begun(), 0, 'no address of a token was asked');
});

test('a key id is only looked up: paths, addresses, queries, names of every object, other types and lengths', async () => {
  const ids: unknown[] = [
    '../../../../dev/null',
    '/proc/self/environ',
    'http://169.254.169.254/',
    "' OR 1=1 --",
    'ed\u0000',
    '__proto__',
    'constructor',
    '',
    'x'.repeat(2_000),
    ['ed'],
    { toString: 'ed' },
    7,
    null,
  ];
  for (const kid of ids)
    assert.match(await refusalOf(await forge({ kid: kid as string })), /no key of ours|well-formed/);
  assert.match(await refusalOf(await forge({})), /no key of ours/);
  assert.match(await refusalOf(await forge({ kid: 'ed' })), /signature/);
});

test('an unknown critical extension is not passed over (RFC 7515 section 4.1.11)', async () => {
  const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: 'ed', crit: ['later'], later: 1 })).toString(
    'base64url',
  );
  const [, payload, signature] = (await gateway.token()).split('.');
  assert.match(await refusalOf(`${header}.${payload}.${signature}`), /well-formed/);
});

test('thousands of made-up tokens push no good one out of memory, and a good one still passes', async () => {
  const good = { headers: { authorization: `Bearer ${await gateway.token({ subject: 'good' })}` } };
  assert.equal((await gateway.fetch('/web/graphql', good)).status, 200);
  const token = await forge({ kid: 'ed' });
  for (let batch = 0; batch < 20; batch++) {
    const tokens = Array.from(
      { length: 100 },
      (_, index) => `${token.slice(0, -8)}${String(batch * 100 + index).padStart(8, 'A')}`,
    );
    await Promise.all(tokens.map(refusalOf));
  }
  assert.equal((await gateway.fetch('/web/graphql', good)).status, 200);
});
