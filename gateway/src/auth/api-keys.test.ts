import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import { ManualClock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type ApiKeyEntry, makeApiKey } from '@grapevine/shared/identity/api-key.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { ApiKeyVerifier, parseApiKeys } from './api-keys.ts';
import { noRevocations, parseRevocations } from './revocations.ts';

const { key, id, sha256 } = makeApiKey(systemRandom);
const entry: ApiKeyEntry = { id, sha256, subject: 'ada', scopes: ['messages:read'] };
const textOf = (...keys: readonly object[]): string => JSON.stringify({ keys });

function verifierOf(
  entries: readonly ApiKeyEntry[],
  revocations = noRevocations,
  clock = new ManualClock(),
): ApiKeyVerifier {
  return new ApiKeyVerifier({ apiKeys: parseApiKeys(textOf(...entries), 'f'), revocations }, clock);
}

function codeOf(verifier: ApiKeyVerifier, text: string): string {
  try {
    return verifier.verify(text).identity.subject;
  } catch (error) {
    assert.ok(error instanceof GrapevineError);
    assert.ok(text === '' || !error.message.includes(text), 'a refusal does not repeat the key');
    return error.code;
  }
}

test('a key proves its principal and scopes; any other text proves nothing', () => {
  const verifier = verifierOf([{ ...entry, rate: { perSecond: 5, burst: 9 } }]);
  const known = verifier.verify(key);
  assert.deepEqual(known.identity, { subject: 'ada', scopes: ['messages:read'] });
  assert.deepEqual(known.rate, { perSecond: 5, burst: 9 });
  const other = makeApiKey(systemRandom).key;
  const wrong = `${key.slice(0, -2)}${key.at(-2) === 'A' ? 'B' : 'A'}${key.at(-1)}`;
  const others = [other, wrong, key.toUpperCase(), ` ${key}`, `${key} `, `${key}\n`, '', id, sha256, `gvk_${id}_`];
  for (const text of [...others, `gvk_${id}_${'x'.repeat(10_000)}`])
    assert.equal(codeOf(verifier, text), 'UNAUTHENTICATED');
});

test('a key ends with its expiry, to the millisecond', () => {
  const clock = new ManualClock();
  const expires = new Date(clock.wallMs() + 1_000).toISOString();
  const verifier = verifierOf([{ ...entry, expires }], noRevocations, clock);
  clock.advance(999);
  assert.equal(codeOf(verifier, key), 'ada');
  clock.advance(1);
  assert.equal(codeOf(verifier, key), 'UNAUTHENTICATED');
});

test('a revoked key, and every key of a revoked principal, is refused by its own code', () => {
  for (const list of [{ apiKeys: [id] }, { subjects: ['ada'] }]) {
    const verifier = verifierOf([entry], parseRevocations(JSON.stringify(list), 'r'));
    assert.equal(codeOf(verifier, key), 'REVOKED');
    // Who does not have the key does not learn that it was revoked.
    assert.equal(codeOf(verifier, `gvk_${id}_${'A'.repeat(43)}`), 'UNAUTHENTICATED');
  }
});

test('each comparison is in constant time, for unknown ids too', (t) => {
  const compare = t.mock.method(crypto, 'timingSafeEqual');
  syncBuiltinESMExports();
  try {
    const verifier = verifierOf([entry]);
    for (const text of [key, `gvk_${id}_${'A'.repeat(43)}`, makeApiKey(systemRandom).key]) codeOf(verifier, text);
    assert.equal(compare.mock.callCount(), 3);
  } finally {
    compare.mock.restore();
    syncBuiltinESMExports();
  }
});

const refusals: [name: string, text: string, reason: RegExp][] = [
  ['text that is not JSON', '{', /JSON/],
  ['a key in clear', textOf({ ...entry, key }), /keys\.0: .*"key"/],
  ['a hash of another length', textOf({ ...entry, sha256: 'abc' }), /keys\.0\.sha256: expected 64/],
  ['a scope that does not exist', textOf({ ...entry, scopes: ['all'] }), /keys\.0\.scopes\.0/],
  ['less at once than per second', textOf({ ...entry, rate: { perSecond: 5, burst: 4 } }), /keys\.0\.rate\.burst/],
  ['one id twice', textOf(entry, entry), /two keys have the id/],
];
for (const [name, text, reason] of refusals) {
  test(`a file with ${name} is refused`, () => {
    assert.throws(
      () => parseApiKeys(text, 'the/file.json'),
      (error) =>
        error instanceof GrapevineError &&
        error.code === 'CONFIG_INVALID' &&
        error.message.includes('the/file.json') &&
        reason.test(error.message),
    );
  });
}

test('a revocation list with a member that does not exist is refused: it would revoke nothing', () => {
  assert.throws(() => parseRevocations('{"jti": ["a"]}', 'r'), /"jti"/);
});
