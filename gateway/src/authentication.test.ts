import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import { SignJWT, UnsecuredJWT } from 'jose';
import { hmacKey, type RunningGateway, startRunningGateway, type TokenOptions } from './testing/running-gateway.ts';

let gateway: RunningGateway;
before(async () => {
  gateway = await startRunningGateway();
});
after(() => gateway.stop());

const path = '/mobile/v1/topics';

function ask(authorization: string | undefined, where = path, init: RequestInit = {}): Promise<Response> {
  return fetch(gateway.url + where, {
    redirect: 'manual',
    ...init,
    headers: { ...init.headers, ...(authorization === undefined ? {} : { authorization }) },
  });
}

async function refusal(response: Response): Promise<string> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const problem = problemSchema.parse(await response.json());
  assert.equal(problem.status, response.status);
  return `${problem.status} ${problem.code} ${problem.detail}`;
}

describe('tokens that pass', () => {
  for (const algorithm of ['EdDSA', 'HS256'] as const) {
    test(`${algorithm}: the upstream learns subject and scopes from the signed header`, async () => {
      const token = await gateway.token({
        algorithm,
        subject: `bob ${algorithm}`,
        scope: 'messages:read cluster:read other',
      });
      const response = await ask(`Bearer ${token}`);
      assert.equal(response.status, 200);
      const seen = gateway.mobile.received.at(-1);
      assert.deepEqual(gateway.identities.verify(seen?.headers['grapevine-identity'] as string), {
        subject: `bob ${algorithm}`,
        scopes: ['messages:read', 'cluster:read'],
      });
    });
  }

  test('the scheme is not case-sensitive, and the token itself stays at the gateway', async () => {
    const response = await ask(`bEARER ${await gateway.token()}`);
    assert.equal(response.status, 200);
    assert.equal(gateway.mobile.received.at(-1)?.headers.authorization, undefined);
  });
});

describe('tokens that are refused', () => {
  const cases: [name: string, options: TokenOptions, reason: RegExp][] = [
    ['expired beyond the skew', { expiresIn: -6 }, /expired/],
    ['not valid yet beyond the skew', { notBefore: 6 }, /claim nbf/],
    ['from another issuer', { issuer: 'somebody' }, /claim iss/],
    ['for another audience', { audience: 'somebody' }, /claim aud/],
    ['naming a key that we do not have', { keyId: 'none' }, /no key of ours/],
    ['EdDSA under the id of the HMAC key', { keyId: 'hs' }, /alg is not the one of the key/],
    ['HS256 under the id of the Ed25519 key', { algorithm: 'HS256', keyId: 'ed' }, /alg is not the one of the key/],
    ['HS256 with a key of their own', { algorithm: 'HS256', key: new Uint8Array(32) }, /signature/],
    ['without a subject', { subject: '' }, /sub/],
  ];
  for (const [name, options, reason] of cases) {
    test(name, async () => {
      const response = await ask(`Bearer ${await gateway.token(options)}`);
      assert.match(await refusal(response), reason);
      assert.equal(response.status, 401);
      assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="grapevine", error="invalid_token"');
    });
  }

  test('HS256 signed with the bytes of the public key (algorithm confusion), in every spelling of them', async () => {
    const { x = '' } = gateway.publicKey.export({ format: 'jwk' });
    const spellings = [
      Buffer.from(x, 'base64url'),
      Buffer.from(x),
      gateway.publicKey.export({ format: 'der', type: 'spki' }),
      Buffer.from(gateway.publicKey.export({ format: 'pem', type: 'spki' })),
    ];
    for (const key of spellings) {
      for (const keyId of ['ed', 'hs']) {
        const response = await ask(`Bearer ${await gateway.token({ algorithm: 'HS256', keyId, key })}`);
        assert.equal(response.status, 401, `${keyId} ${key.toString('hex').slice(0, 20)}`);
      }
    }
  });

  test('alg none, in several spellings', async () => {
    const claims = { iss: 'grapevine', aud: 'grapevine', sub: 'eve', exp: 4_000_000_000, scope: 'cluster:admin' };
    const [, payload] = new UnsecuredJWT(claims).encode().split('.');
    for (const alg of ['none', 'None', 'NONE', '', 'EdDSA']) {
      const header = Buffer.from(JSON.stringify({ alg, kid: 'ed' })).toString('base64url');
      assert.equal((await ask(`Bearer ${header}.${payload}.`)).status, 401, alg);
    }
  });

  test('one changed character in any part', async () => {
    const token = await gateway.token();
    const parts = token.split('.');
    for (const index of parts.keys()) {
      const changed = parts.with(index, flipInside(parts[index] ?? '')).join('.');
      assert.equal((await ask(`Bearer ${changed}`)).status, 401, `part ${index}`);
    }
  });

  test('one without an expiry', async () => {
    const eternal = new SignJWT({ scope: 'messages:read' })
      .setProtectedHeader({ alg: 'HS256', kid: 'hs' })
      .setIssuer('grapevine')
      .setAudience('grapevine')
      .setSubject('eve');
    assert.match(await refusal(await ask(`Bearer ${await eternal.sign(hmacKey)}`)), /^401 .*claim exp/);
  });

  for (const authorization of [
    undefined,
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'Bearer x',
    `Bearer ${'a.'.repeat(3_000)}`,
  ]) {
    test(`${authorization?.slice(0, 20) ?? 'no header'}`, async () => {
      assert.match(await refusal(await ask(authorization)), /^401 UNAUTHENTICATED/);
    });
  }

  test('no error code in the challenge for a caller that did not try', async () => {
    assert.equal((await ask(undefined)).headers.get('www-authenticate'), 'Bearer realm="grapevine"');
  });

  test('a token in the address counts for nothing', async () => {
    const token = await gateway.token();
    assert.equal((await ask(undefined, `${path}?access_token=${token}&token=${token}`)).status, 401);
  });

  test('none of them reached an upstream', async () => {
    const before = gateway.mobile.begun();
    await ask('Bearer x');
    assert.equal(gateway.mobile.begun(), before);
  });
});

describe('verified tokens are remembered', () => {
  test('until they expire, skew included, and not a moment longer', async () => {
    const bearer = `Bearer ${await gateway.token({ expiresIn: 10 })}`;
    assert.equal((await ask(bearer)).status, 200);
    gateway.clock.advance(14_999);
    assert.equal((await ask(bearer)).status, 200);
    gateway.clock.advance(1);
    assert.match(await refusal(await ask(bearer)), /^401 .*expired/);
  });
});

describe('an event stream', () => {
  test('ends when its token does', async () => {
    gateway.web.answerWith((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    });
    const bearer = `Bearer ${await gateway.token({ expiresIn: 10 })}`;
    const response = await ask(bearer, '/web/graphql');
    gateway.clock.advance(15_000);
    assert.match(await response.text(), /^data: 1\n\n: /);
    assert.match(await refusal(await ask(bearer, '/web/graphql')), /^401 .*expired/);
  });
});

describe('scopes', () => {
  const cases: [scope: string, method: string, path: string, status: number][] = [
    ['messages:read', 'GET', '/mobile/v1/topics', 200],
    ['messages:read', 'POST', '/mobile/v1/topics/a/messages', 403],
    ['messages:write', 'POST', '/mobile/v1/topics/a/messages', 200],
    ['messages:write', 'GET', '/mobile/v1/topics', 403],
    ['messages:read messages:write', 'GET', '/mobile/v1/cluster/consistency', 403],
    ['cluster:read', 'GET', '/mobile/v1/cluster/consistency', 200],
    ['cluster:read', 'GET', '/mobile/v1/%63luster/consistency', 200],
    ['messages:read', 'GET', '/mobile/v1/%63luster/consistency', 403],
    ['messages:read', 'POST', '/web/graphql', 200],
    ['cluster:read', 'POST', '/web/graphql', 403],
    ['', 'POST', '/web/graphql', 403],
    ['messages:READ admin *', 'GET', '/mobile/v1/topics', 403],
  ];
  for (const [scope, method, where, status] of cases) {
    test(`"${scope}" ${method} ${where}: ${status}`, async () => {
      const response = await ask(`Bearer ${await gateway.token({ scope })}`, where, { method });
      assert.equal(response.status, status);
      if (status === 403) {
        assert.match(response.headers.get('www-authenticate') ?? '', /error="insufficient_scope", scope="/);
        assert.match(await refusal(response), /FORBIDDEN .*needs the scope/);
      }
    });
  }
});

describe('public routes', () => {
  test('the console needs no token and carries no identity, even with one', async () => {
    for (const authorization of [undefined, 'Bearer x', `Bearer ${await gateway.token()}`]) {
      assert.equal((await ask(authorization, '/console/app.js')).status, 200);
      assert.equal(gateway.web.received.at(-1)?.url, '/console/app.js');
      assert.equal(gateway.web.received.at(-1)?.headers['grapevine-identity'], undefined);
    }
  });

  test('the root and the console without its slash lead to the console', async () => {
    for (const where of ['/', '/console']) {
      const response = await ask(undefined, where);
      assert.equal(response.status, 302);
      assert.equal(response.headers.get('location'), '/console/');
    }
  });

  test('a browser gets the GraphiQL page; data still needs a token', async () => {
    const html = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };
    assert.equal((await ask(undefined, '/web/graphql', html)).status, 200);
    assert.equal(gateway.web.received.at(-1)?.headers['grapevine-identity'], undefined);
    assert.equal((await ask(undefined, '/web/graphql', { ...html, method: 'POST', body: '{}' })).status, 401);
    assert.equal((await ask('Bearer x', '/web/graphql', html)).status, 401);
    assert.equal((await ask(undefined, '/web/graphql/more', html)).status, 401);
    assert.equal((await ask(undefined, '/web/graphql', { headers: { accept: 'application/json' } })).status, 401);
  });
});

/** Changes a character in the middle: the last one of a base64url text may not matter. */
function flipInside(text: string): string {
  const at = Math.floor(text.length / 2);
  return text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
}
