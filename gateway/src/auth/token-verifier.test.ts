import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '@grapevine/shared/clock.ts';
import { SignJWT } from 'jose';
import type { PinnedKey } from './key-set.ts';
import { noRevocations } from './revocations.ts';
import type { TokenKeys } from './token-keys.ts';
import { TokenVerifier } from './token-verifier.ts';

const secret = new Uint8Array(32).fill(7);
const rules = { issuer: 'grapevine', audience: 'grapevine', clockSkewSeconds: 5, cacheEntries: 2 };

/** One key, counting how often a signature is about to be checked with it. */
class CountingKeys implements TokenKeys {
  version = 0;
  lookups = 0;

  find(id: string): PinnedKey | undefined {
    this.lookups++;
    return id === 'hs' ? { algorithm: 'HS256', key: secret } : undefined;
  }
}

function setUp(cacheEntries = rules.cacheEntries): { clock: ManualClock; keys: CountingKeys; tokens: TokenVerifier } {
  const clock = new ManualClock();
  const keys = new CountingKeys();
  return {
    clock,
    keys,
    tokens: new TokenVerifier({ tokenKeys: keys, revocations: noRevocations }, { ...rules, cacheEntries }, clock),
  };
}

function sign(clock: ManualClock, subject: string, lifetimeSeconds = 60): Promise<string> {
  return new SignJWT({ scope: 'messages:read' })
    .setProtectedHeader({ alg: 'HS256', kid: 'hs' })
    .setIssuer('grapevine')
    .setAudience('grapevine')
    .setSubject(subject)
    .setExpirationTime(Math.floor(clock.wallMs() / 1_000) + lifetimeSeconds)
    .sign(secret);
}

test('a token is checked once while it is remembered', async () => {
  const { clock, keys, tokens } = setUp();
  const token = await sign(clock, 'alice');
  for (let round = 0; round < 5; round++) assert.equal((await tokens.verify(token)).subject, 'alice');
  assert.equal(keys.lookups, 1);
});

test('no more tokens are remembered than allowed, none if none may be', async () => {
  const { clock, keys, tokens } = setUp();
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((subject) => sign(clock, subject)));
  for (const token of [a, b, c, b, c, a]) await tokens.verify(token ?? '');
  assert.equal(keys.lookups, 4);
  const forgetful = setUp(0);
  for (let round = 0; round < 3; round++) await forgetful.tokens.verify(a ?? '');
  assert.equal(forgetful.keys.lookups, 3);
});

test('a remembered token ends with its expiry and the skew, to the millisecond', async () => {
  const { clock, tokens } = setUp();
  const token = await sign(clock, 'alice', 10);
  await tokens.verify(token);
  clock.advance(14_999);
  await tokens.verify(token);
  clock.advance(1);
  await assert.rejects(tokens.verify(token), /expired/);
});

test('a refused token is not remembered as good', async () => {
  const { clock, tokens } = setUp();
  const token = `${await sign(clock, 'alice')}x`;
  await assert.rejects(tokens.verify(token));
  await assert.rejects(tokens.verify(token));
});

test('a token with characters that no token has is refused, however its signature is decoded', async () => {
  const { clock, keys, tokens } = setUp();
  const token = await sign(clock, 'alice');
  for (const spelling of [` ${token}`, `${token} `, `${token}\t`, `${token},`, `${token}==x`]) {
    await assert.rejects(tokens.verify(spelling), /characters that no token has/, spelling);
  }
  assert.equal(keys.lookups, 0);
});

test('an expiry that is no sensible time is refused with a reason', async () => {
  const { tokens } = setUp();
  for (const exp of [-1, 0.5, '9e9', null, undefined]) {
    const token = await new SignJWT({ iss: 'grapevine', aud: 'grapevine', sub: 'a', exp } as never)
      .setProtectedHeader({ alg: 'HS256', kid: 'hs' })
      .sign(secret);
    await assert.rejects(tokens.verify(token), /The token was refused/, String(exp));
  }
});

test('a remembered token is checked again when the keys have changed', async () => {
  const { clock, keys, tokens } = setUp();
  const token = await sign(clock, 'alice');
  await tokens.verify(token);
  assert.equal(tokens.recall(token)?.subject, 'alice');
  keys.version++;
  assert.equal(tokens.recall(token), undefined);
  await tokens.verify(token);
  assert.equal(keys.lookups, 2);
});
