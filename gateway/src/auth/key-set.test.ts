import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseForeignKeySet, parseKeySet } from './key-set.ts';

const file = 'the/jwks.json';

const pair = generateKeyPairSync('ed25519');
const ed = { ...pair.publicKey.export({ format: 'jwk' }), alg: 'EdDSA', kid: 'ed' };
const hs = { kty: 'oct', alg: 'HS256', kid: 'hs', k: Buffer.alloc(32, 7).toString('base64url') };

const rsa = publicJwk(generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey);
const weakRsa = publicJwk(generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey);
const p256 = publicJwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const secretOf = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64url');

function publicJwk(key: KeyObject): object {
  return key.export({ format: 'jwk' });
}

function textOf(...keys: readonly object[]): string {
  return JSON.stringify({ keys });
}

test('each key is pinned to its algorithm', async () => {
  const named = [
    ed,
    hs,
    ...['HS384', 'HS512'].map((alg) => ({ ...hs, alg, kid: alg, k: secretOf(64) })),
    ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => ({ ...rsa, alg, kid: alg })),
    { ...p256, alg: 'ES256', kid: 'ES256' },
    { ...publicJwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), alg: 'ES384', kid: 'ES384' },
    { ...publicJwk(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey), alg: 'ES512', kid: 'ES512' },
  ];
  const keys = await parseKeySet(textOf(...named), file);
  assert.deepEqual(
    [...keys].map(([id, { algorithm }]) => [id, algorithm]),
    named.map(({ kid, alg }) => [kid, alg]),
  );
});

test('of a published set the keys that are for us are taken, with the usual algorithm where none is named', async () => {
  const text = textOf(
    { ...rsa, kid: 'rsa', x5c: ['MII'], x5t: 'abc', key_ops: ['verify'] },
    { ...rsa, kid: 'pss', alg: 'PS256' },
    { ...p256, kid: 'ec' },
    { ...rsa, kid: 'for encryption', use: 'enc' },
    { ...rsa, kid: 'odd', alg: 'RSA-OAEP' },
    { ...p256, kid: 'confused', alg: 'RS256' },
    hs,
    rsa,
    { kty: 'unheard-of', kid: 'x' },
  );
  assert.deepEqual(
    [...(await parseForeignKeySet(text, file))].map(([id, { algorithm }]) => [id, algorithm]),
    [
      ['rsa', 'RS256'],
      ['pss', 'PS256'],
      ['ec', 'ES256'],
    ],
  );
  await assert.rejects(parseForeignKeySet(textOf(hs), file), /no public key/);
});

const refusals: [name: string, text: string, reason: RegExp][] = [
  ['text that is not JSON', '{', /JSON/],
  ['no keys', textOf(), /keys: /],
  ['a key without its algorithm', textOf({ ...ed, alg: undefined }), /keys\.0\.alg/],
  ['an algorithm that does not fit the key', textOf({ ...ed, alg: 'HS256' }), /keys\.0/],
  ['another algorithm', textOf({ ...hs, alg: 'none' }), /keys\.0\.alg/],
  ['an HMAC key shorter than its hash', textOf({ ...hs, alg: 'HS512' }), /at least 64 bytes/],
  ['an RSA key that can be broken', textOf({ ...weakRsa, alg: 'RS256', kid: 'weak' }), /2048 to 8192 bits/],
  ['a curve of another algorithm', textOf({ ...p256, alg: 'ES384', kid: 'ec' }), /keys\.0\.crv/],
  ['a short HMAC key', textOf({ ...hs, k: 'c2hvcnQ' }), /at least 32 bytes/],
  ['a private key', textOf({ ...ed, ...pair.privateKey.export({ format: 'jwk' }) }), /"d"/],
  ['a public key of the wrong length', textOf({ ...ed, x: 'AAAA' }), /key ed/],
  ['one id twice', textOf(ed, { ...hs, kid: 'ed' }), /two keys have the id ed/],
];
for (const [name, text, reason] of refusals) {
  test(`${name}: refused with the file's name and the reason`, async () => {
    await assert.rejects(parseKeySet(text, file), (error) => {
      assert.ok(error instanceof GrapevineError);
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.ok(error.message.includes(file));
      assert.match(error.message, reason);
      return true;
    });
  });
}
