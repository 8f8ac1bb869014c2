import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { ManualClock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { lastingPort } from '@grapevine/test/fixtures/lasting-port.ts';
import { exportJWK, generateKeyPair } from 'jose';
import { pino } from 'pino';
import { JwksUrl } from './jwks-url.ts';
import { JwksFile } from './token-keys.ts';

const log = pino({ level: 'silent' });
const pair = await generateKeyPair('EdDSA');
const jwk = { ...(await exportJWK(pair.publicKey)), alg: 'EdDSA' };

function setOf(...ids: readonly string[]): string {
  return JSON.stringify({ keys: ids.map((kid) => ({ ...jwk, kid })) });
}

describe('a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-jwks-'));
  const path = join(folder, 'jwks.json');
  after(() => rmSync(folder, { recursive: true }));

  test('is read again when it changes; rubbish changes nothing', async () => {
    writeFileSync(path, setOf('a'));
    const keys = await JwksFile.open({ path, log });
    try {
      assert.ok(keys.find('a'));
      writeFileSync(path, setOf('b'));
      await keys.reload();
      assert.equal(keys.find('a'), undefined);
      assert.ok(keys.find('b'));
      assert.equal(keys.version, 1);
      writeFileSync(path, '{');
      await keys.reload();
      assert.ok(keys.find('b'));
      assert.equal(keys.version, 1);
    } finally {
      await keys.stop();
    }
  });

  test('that is missing is named', async () => {
    const absent = join(folder, 'absent.json');
    await assert.rejects(
      JwksFile.open({ path: absent, log }),
      (error) => error instanceof GrapevineError && error.message.includes(absent),
    );
  });
});

describe('an address', () => {
  let issuer: Server;
  let answer: { status: number; text: string };
  let asked = 0;
  let clock: ManualClock;
  let keys: JwksUrl;

  beforeEach(async () => {
    asked = 0;
    answer = { status: 200, text: setOf('a') };
    issuer = createServer((_request, response) => {
      asked++;
      response.writeHead(answer.status, { location: '/elsewhere' }).end(answer.text);
    });
    clock = new ManualClock();
    keys = await openIssuer(0);
  });
  afterEach(async () => {
    await keys.stop();
    await closeIssuer();
  });

  async function openIssuer(at: number): Promise<JwksUrl> {
    await new Promise<void>((resolve) => issuer.listen(at, '127.0.0.1', resolve));
    const { port } = issuer.address() as AddressInfo;
    return JwksUrl.open({ url: `http://127.0.0.1:${port}/jwks`, refreshMs: 3_600_000, clock, log });
  }

  async function closeIssuer(): Promise<void> {
    issuer.closeAllConnections();
    await new Promise((resolve) => issuer.close(resolve));
  }

  test('is asked once for many tokens with known keys', async () => {
    for (let round = 0; round < 5; round++) assert.ok(await keys.find('a'));
    assert.equal(asked, 1);
  });

  test('a key that is new there is found by the first token that names it', async () => {
    answer.text = setOf('a', 'b');
    const found = await Promise.all(['b', 'b', 'b'].map((id) => keys.find(id)));
    assert.ok(found.every((key) => key !== undefined));
    assert.equal(asked, 2);
    assert.equal(keys.version, 2);
  });

  test('made-up key ids cause one question in ten seconds', async () => {
    for (let id = 0; id < 1_000; id++) assert.equal(await keys.find(`../../${id}`), undefined);
    assert.equal(asked, 2);
    clock.advance(9_999);
    await keys.find('x');
    assert.equal(asked, 2);
    clock.advance(1);
    await keys.find('x');
    assert.equal(asked, 3);
  });

  const failures: [name: string, answer: { status: number; text: string }][] = [
    ['an error', { status: 500, text: setOf('b') }],
    ['a redirect', { status: 302, text: '' }],
    ['rubbish', { status: 200, text: '<html>' }],
    ['no keys', { status: 200, text: '{"keys":[]}' }],
    ['an endless answer', { status: 200, text: 'x'.repeat(600_000) }],
  ];
  for (const [name, failure] of failures) {
    test(`${name}: the keys known before stay in force`, async () => {
      answer = failure;
      await keys.refresh();
      assert.equal(asked, 2);
      assert.ok(await keys.find('a'));
      assert.equal(keys.version, 1);
    });
  }

  test('an issuer that is away: the keys stay, and new ones are found when it is back', async () => {
    await keys.stop();
    await closeIssuer();
    const port = await lastingPort();
    keys = await openIssuer(port);
    await closeIssuer();
    await keys.refresh();
    assert.ok(await keys.find('a'));
    assert.equal(await keys.find('b'), undefined);
    answer.text = setOf('b');
    await new Promise<void>((resolve) => issuer.listen(port, '127.0.0.1', resolve));
    clock.advance(10_000);
    assert.ok(await keys.find('b'));
    assert.equal(await keys.find('a'), undefined, 'withdrawn');
  });
});
