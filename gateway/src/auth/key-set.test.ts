import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { readKeySet } from './key-set.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-jwks-'));
const file = join(folder, 'jwks.json');
after(() => rmSync(folder, { recursive: true }));

const pair = generateKeyPairSync('ed25519');
const ed = { ...pair.publicKey.export({ format: 'jwk' }), alg: 'EdDSA', kid: 'ed' };
const hs = { kty: 'oct', alg: 'HS256', kid: 'hs', k: Buffer.alloc(32, 7).toString('base64url') };

test('each key is pinned to its algorithm', async () => {
  writeFileSync(file, JSON.stringify({ keys: [ed, hs] }));
  const keys = await readKeySet(file);
  assert.deepEqual(
    [...keys].map(([id, { algorithm }]) => [id, algorithm]),
    [
      ['ed', 'EdDSA'],
      ['hs', 'HS256'],
    ],
  );
});

const refusals: [name: string, text: string, reason: RegExp][] = [
  ['text that is not JSON', '{', /JSON/],
  ['no keys', JSON.stringify({ keys: [] }), /keys: /],
  ['a key without its algorithm', JSON.stringify({ keys: [{ ...ed, alg: undefined }] }), /keys\.0\.alg/],
  ['an algorithm that does not fit the key', JSON.stringify({ keys: [{ ...ed, alg: 'HS256' }] }), /keys\.0/],
  ['another algorithm', JSON.stringify({ keys: [{ ...hs, alg: 'HS512' }] }), /keys\.0\.alg/],
  ['a short HMAC key', JSON.stringify({ keys: [{ ...hs, k: 'c2hvcnQ' }] }), /at least 32 bytes/],
  ['a private key', JSON.stringify({ keys: [{ ...ed, ...pair.privateKey.export({ format: 'jwk' }) }] }), /"d"/],
  ['a public key of the wrong length', JSON.stringify({ keys: [{ ...ed, x: 'AAAA' }] }), /key ed/],
  ['one id twice', JSON.stringify({ keys: [ed, { ...hs, kid: 'ed' }] }), /two keys have the id ed/],
];
for (const [name, text, reason] of refusals) {
  test(`${name}: refused with the file's name and the reason`, async () => {
    writeFileSync(file, text);
    await assert.rejects(readKeySet(file), (error) => {
      assert.ok(error instanceof GrapevineError);
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.ok(error.message.includes(file));
      assert.match(error.message, reason);
      return true;
    });
  });
}

test('a missing file is named', async () => {
  const absent = join(folder, 'absent.json');
  await assert.rejects(
    readKeySet(absent),
    (error) => error instanceof GrapevineError && error.message.includes(absent),
  );
});
