import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { ManualClock } from '@grapevine/shared/clock.ts';
import { parsePassphrases } from '@grapevine/shared/identity/passphrases.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { signToken } from '../tokens/sign-token.ts';
import { readTokenKey, tokenAlgorithms } from '../tokens/token-keys.ts';
import { makeMissingSecrets } from './secrets.ts';

test('a first start makes all keys, for their owner alone; later starts keep them', async () => {
  await using folder = await temporaryFolder();
  const dir = `${folder.path}/secrets`;
  await makeMissingSecrets(dir, systemRandom);
  const names = (await readdir(dir)).sort();
  assert.deepEqual(names, ['api-keys.json', 'cluster.key', 'edge.key', 'jwks.json', 'revoked.json', 'token-key.json']);
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
  for (const name of names) assert.equal((await stat(`${dir}/${name}`)).mode & 0o777, 0o600, name);
  for (const name of ['cluster.key', 'edge.key']) {
    assert.equal(parsePassphrases(await readFile(`${dir}/${name}`, 'utf8'), name).length, 1);
  }

  const read = (): Promise<string[]> => Promise.all(names.map((name) => readFile(`${dir}/${name}`, 'utf8')));
  const before = await read();
  await makeMissingSecrets(dir, systemRandom);
  assert.deepEqual(await read(), before);

  await rm(`${dir}/edge.key`);
  await makeMissingSecrets(dir, systemRandom);
  const after = await read();
  assert.deepEqual(after.filter((text, i) => text === before[i]).length, 5);
});

test('tokens of both algorithms verify with the key set, and carry what they should', async () => {
  await using folder = await temporaryFolder();
  await makeMissingSecrets(folder.path, systemRandom);
  const keySet = JSON.parse(await readFile(`${folder.path}/jwks.json`, 'utf8'));
  assert.ok(
    keySet.keys.every((key: { d?: unknown }) => key.d === undefined),
    'the private key stays out of the key set',
  );
  const clock = new ManualClock();
  for (const alg of tokenAlgorithms) {
    const token = await signToken(
      { subject: 'ada', scopes: ['messages:read', 'cluster:read'], ttlSeconds: 60, issuer: 'i', audience: 'a' },
      alg,
      await readTokenKey(folder.path, alg),
      clock,
      systemRandom,
    );
    const key = keySet.keys.find(({ kid }: { kid: string }) => kid === decodeProtectedHeader(token).kid);
    assert.equal(key.alg, alg);
    const { payload } = await jwtVerify(token, await importJWK(key), {
      algorithms: [alg],
      issuer: 'i',
      audience: 'a',
      currentDate: new Date(clock.wallMs()),
    });
    assert.equal(payload.sub, 'ada');
    assert.equal(payload['scope'], 'messages:read cluster:read');
    assert.equal(payload.exp, Math.floor(clock.wallMs() / 1_000) + 60);
  }
});

test('without keys the way to make them is told', async () => {
  await using folder = await temporaryFolder();
  await assert.rejects(
    readTokenKey(folder.path, 'EdDSA'),
    /cannot read the signing key .*make keys with `grapevine up`/,
  );
});
