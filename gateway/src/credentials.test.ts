import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { systemClock } from '@grapevine/shared/clock.ts';
import { configSchema } from '@grapevine/shared/config/schema.ts';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import { makeApiKey } from '@grapevine/shared/identity/api-key.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { decodeJwt } from 'jose';
import { pino } from 'pino';
import { type OpenCredentials, openCredentials } from './auth/credentials.ts';
import { hmacKey, type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-credentials-'));
const files = {
  jwksFile: `${folder}/jwks.json`,
  apiKeysFile: `${folder}/keys.json`,
  revocationsFile: `${folder}/revoked.json`,
};
const ada = makeApiKey(systemRandom);
const bob = makeApiKey(systemRandom);
let credentials: OpenCredentials;
let gateway: RunningGateway;

function write(path: string, value: unknown): void {
  writeFileSync(path, JSON.stringify(value));
}

function keysOf(...entries: readonly object[]): object {
  return { keys: entries.map((entry) => ({ subject: 'ada', scopes: ['messages:read'], ...entry })) };
}

const entryOf = ({ id, sha256 }: typeof ada): object => ({ id, sha256 });

before(async () => {
  write(files.jwksFile, { keys: [{ kty: 'oct', alg: 'HS256', kid: 'hs', k: hmacKey.toString('base64url') }] });
  write(files.apiKeysFile, keysOf());
  write(files.revocationsFile, {});
  const { auth } = configSchema.parse({ gateway: { auth: files } }).gateway;
  credentials = await openCredentials(auth, { clock: systemClock, log: pino({ level: 'silent' }) });
  gateway = await startRunningGateway({}, undefined, credentials);
});
beforeEach(async () => {
  const rate = { perSecond: 1, burst: 2 };
  write(files.apiKeysFile, keysOf(entryOf(ada), { ...entryOf(bob), subject: 'bob', rate }));
  write(files.revocationsFile, {});
  await credentials.reload();
});
after(async () => {
  await gateway.stop();
  await credentials.stop();
  rmSync(folder, { recursive: true });
});

async function outcome(headers: Record<string, string>, method = 'GET'): Promise<string> {
  const response = await fetch(`${gateway.url}/mobile/v1/topics`, { method, headers });
  if (response.status === 200) return '200';
  return `${response.status} ${problemSchema.parse(await response.json()).code}`;
}

describe('an API key', () => {
  test('passes in either header, with its scopes only, and stays at the gateway', async () => {
    for (const headers of [
      { 'x-api-key': ada.key },
      { authorization: `ApiKey ${ada.key}` },
      { authorization: `apikey  ${ada.key}` },
    ]) {
      assert.equal(await outcome(headers as Record<string, string>), '200');
      const seen = gateway.mobile.received.at(-1);
      assert.equal(gateway.identities.verify(seen?.headers['grapevine-identity'] as string).subject, 'ada');
      assert.ok(!JSON.stringify(seen?.headers).includes(ada.key));
    }
    assert.equal(await outcome({ 'x-api-key': ada.key }, 'POST'), '403 FORBIDDEN');
  });

  test('that is wrong, sent twice, or sent next to a token is refused', async () => {
    const wrong = makeApiKey(systemRandom).key;
    assert.equal(await outcome({ 'x-api-key': wrong }), '401 UNAUTHENTICATED');
    assert.equal(await outcome({ 'x-api-key': `${ada.key}, ${ada.key}` }), '401 UNAUTHENTICATED');
    assert.equal(await outcome({ 'x-api-key': '' }), '401 UNAUTHENTICATED');
    const token = `Bearer ${await gateway.token({ algorithm: 'HS256' })}`;
    assert.equal(await outcome({ 'x-api-key': ada.key, authorization: token }), '401 UNAUTHENTICATED');
    const response = await fetch(`${gateway.url}/mobile/v1/topics`, { headers: { 'x-api-key': wrong } });
    assert.equal(response.headers.get('www-authenticate'), 'ApiKey realm="grapevine"');
  });

  test('with a rate of its own is held to it, whatever its principal may', async () => {
    const statuses = [];
    for (let call = 0; call < 4; call++) statuses.push(await outcome({ 'x-api-key': bob.key }));
    assert.ok(statuses.includes('429 RATE_LIMITED'), statuses.join());
    assert.equal(statuses[0], '200');
    const token = await gateway.token({ algorithm: 'HS256', subject: 'bob' });
    assert.equal(await outcome({ authorization: `Bearer ${token}` }), '200');
    const limits = (await (await fetch(`${gateway.adminUrl}/limits`)).json()) as { rates: { per: string }[] };
    const refused = statuses.filter((status) => status !== '200').length;
    const shown = limits.rates.find(({ per }) => per === 'api-key');
    assert.deepEqual(shown, { per: 'api-key', perSecond: 1, burst: 2, tracked: 1, refused });
  });

  test('that goes from the file counts no longer', async () => {
    assert.equal(await outcome({ 'x-api-key': ada.key }), '200');
    write(files.apiKeysFile, keysOf(entryOf(bob)));
    await credentials.reload();
    assert.equal(await outcome({ 'x-api-key': ada.key }), '401 UNAUTHENTICATED');
  });
});

describe('what is revoked is refused at once, remembered or not', () => {
  test('a token by its id, and no other token of its principal', async () => {
    const [token, other] = [
      await gateway.token({ algorithm: 'HS256', tokenId: 'one' }),
      await gateway.token({ algorithm: 'HS256', tokenId: 'two' }),
    ];
    const [first, second] = [{ authorization: `Bearer ${token}` }, { authorization: `Bearer ${other}` }];
    assert.equal(decodeJwt(token).jti, 'one');
    assert.equal(await outcome(first), '200');
    write(files.revocationsFile, { tokens: ['one'] });
    await credentials.reload();
    assert.equal(await outcome(first), '401 REVOKED');
    assert.equal(await outcome(second), '200');
    write(files.revocationsFile, { tokens: [] });
    await credentials.reload();
    assert.equal(await outcome(first), '200');
  });

  test('a stream that is open ends with its token or key, and no other', async () => {
    gateway.web.answerWith((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    });
    const stop = new AbortController();
    const open = async (headers: Record<string, string>): Promise<Response> => {
      const response = await fetch(`${gateway.url}/web/graphql`, { headers, signal: stop.signal });
      assert.equal(response.status, 200);
      return response;
    };
    const token = await gateway.token({ algorithm: 'HS256', tokenId: 'one' });
    const [revoked, key, lasting] = await Promise.all([
      open({ authorization: `Bearer ${token}` }),
      open({ 'x-api-key': ada.key }),
      open({ authorization: `Bearer ${await gateway.token({ algorithm: 'HS256', subject: 'eve' })}` }),
    ]);
    write(files.revocationsFile, { tokens: ['one'], apiKeys: [ada.id] });
    await credentials.reload();
    const [first, second] = await Promise.all([revoked.text(), key.text()]);
    for (const text of [first, second]) assert.match(text, /^data: 1\n\n: the server goes away\n\n$/);
    const reader = lasting.body?.getReader();
    assert.equal((await reader?.read())?.done, false);
    const ended = reader?.read().then(
      () => 'ended',
      () => 'left',
    );
    stop.abort();
    assert.equal(await ended, 'left', 'the third one was open to the end');
  });

  test('a principal with its tokens and keys', async () => {
    const token = { authorization: `Bearer ${await gateway.token({ algorithm: 'HS256', subject: 'ada' })}` };
    assert.equal(await outcome(token), '200');
    write(files.revocationsFile, { subjects: ['ada'] });
    await credentials.reload();
    assert.equal(await outcome(token), '401 REVOKED');
    assert.equal(await outcome({ 'x-api-key': ada.key }), '401 REVOKED');
  });

  test('a list that becomes rubbish takes nothing back', async () => {
    write(files.revocationsFile, { apiKeys: [ada.id] });
    await credentials.reload();
    writeFileSync(files.revocationsFile, '{"apiKeys": [');
    await credentials.reload();
    assert.equal(await outcome({ 'x-api-key': ada.key }), '401 REVOKED');
  });
});
