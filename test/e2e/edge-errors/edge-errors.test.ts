import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '@grapevine/shared/clock.ts';
import { catalogue } from '@grapevine/shared/errors/catalogue.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { scopes } from '@grapevine/shared/identity/scopes.ts';
import { readIdentityKey } from '../../fixtures/key-files.ts';
import { type Answer, type Client, errorOf, MobileClient, request, WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { type NodeApi, nodeApis } from '../node-api.ts';
import { until } from '../until.ts';
import { garbageRequests } from './garbage.ts';
import { naughtyStrings } from './naughty-strings.ts';
import { publishOperation, type Refusal, refusedCredentials, refusedRequests, refusedWrites } from './refusals.ts';
import { TokenForge } from './tokens.ts';

/** Exceeded by sending twice the burst, however slow the machine; no other principal here comes near it. */
const rate = { perSecond: 10, burst: 200 };
const requestTimeoutMs = 1_500;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let nodes: readonly NodeApi[];
let forge: TokenForge;

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  const environment = {
    GRAPEVINE_GATEWAY__RATE_LIMIT__PRINCIPAL: JSON.stringify(rate),
    GRAPEVINE_GATEWAY__REQUEST_TIMEOUT_MS: `${requestTimeoutMs}`,
  };
  cluster = resources.adopt(await startCluster({ dataDir, environment }), stopCluster);
  nodes = nodeApis(cluster);
  forge = new TokenForge(dataDir);
});

function send({ path, request: options }: Pick<Refusal, 'path' | 'request'>): Promise<Answer> {
  return request(`${cluster.gateway}${path}`, options);
}

/** Sends every request, fails with all that were answered otherwise, and answers what came, in the same order. */
async function checkRefusals(refusals: readonly Refusal[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const refusal of refusals) answers.push(await send(refusal));
  const expected = refusals.map(({ what, path, status, code }) => `${what} at ${path.slice(0, 60)}: ${status} ${code}`);
  const found = refusals.map(({ what, path }, i) => {
    const answer = answers[i];
    const code = answer === undefined ? undefined : errorOf(answer)?.code;
    return `${what} at ${path.slice(0, 60)}: ${answer?.status} ${code}`;
  });
  assert.deepEqual(found, expected);
  return answers;
}

test('without good credentials 401', async () => {
  const now = Math.floor(Date.now() / 1_000);
  const credentials: Record<string, string | undefined> = {
    'no token': undefined,
    'no token at all in it': '',
    garbage: 'garbage',
    'an expired token': forge.make({ claims: { exp: now - 60 } }),
    'a token of tomorrow': forge.make({ claims: { nbf: now + 86_400 } }),
    'a token without an end': forge.make({ claims: { exp: undefined } }),
    'a token of another issuer': forge.make({ claims: { iss: 'elsewhere' } }),
    'a token for another audience': forge.make({ claims: { aud: 'elsewhere' } }),
    'a token of another key': forge.foreign(),
    'a token of an unknown key': forge.make({ header: { kid: 'unknown' } }),
    'an unsigned token': forge.unsecured(),
    'a token signed with the public key': forge.confused(),
  };
  const refusals = Object.entries(credentials).flatMap(([what, token]) => refusedCredentials(what, token));
  for (const { headers } of await checkRefusals(refusals)) {
    assert.match(headers.get('www-authenticate') ?? '', /^Bearer/);
  }
});

test('with a wrong scope 403 that names the scope', async () => {
  for (const answer of await checkRefusals(refusedWrites(forge.tokenFor('reader', 'messages:read')))) {
    assert.match(errorOf(answer)?.message ?? '', /messages:write/);
  }
});

test('what is wrong in a request is said by status, code and words', async () => {
  for (const answer of await checkRefusals(refusedRequests(forge.tokenFor('careless')))) {
    const { code, message } = errorOf(answer) ?? { code: '', message: '' };
    assert.ok(message.length > 10, `${code} says only: ${message}`);
    if (code === 'INVALID_TOPIC') assert.match(message, /A-Z a-z 0-9 \. _ : \/ -/);
    if (code === 'METHOD_NOT_ALLOWED') assert.match(answer.headers.get('allow') ?? '', /GET/);
  }
});

test('over the limit 429 with Retry-After, in both APIs, and after it on again', async () => {
  const token = forge.tokenFor('greedy');
  const path = '/mobile/v1/topics';
  const answers = await Promise.all(Array.from({ length: rate.burst * 2 }, () => send({ path, request: { token } })));
  const refused = answers.filter(({ status }) => status !== 200);
  assert.ok(answers.length - refused.length >= rate.burst);
  assert.ok(refused.length > 0);
  for (const answer of refused) {
    assert.equal(answer.status, 429);
    assert.equal(errorOf(answer)?.code, 'RATE_LIMITED');
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  }
  assert.equal((await send({ path, request: { token: forge.tokenFor('modest') } })).status, 200);
  await until('the limit lets through again', async () => (await send({ path, request: { token } })).status === 200);
  const operation = { token, json: { query: '{ __typename }' } };
  const further = await Promise.all(
    Array.from({ length: rate.burst }, () => send({ path: '/web/graphql', request: operation })),
  );
  const tooMany = further.find(({ status }) => status === 429);
  assert.ok(tooMany !== undefined);
  assert.equal(errorOf(tooMany)?.code, 'RATE_LIMITED');
  assert.ok(tooMany.headers.has('retry-after'));
});

test('an identity that the client brings along does not count, not even a well-signed one', async () => {
  const key = readIdentityKey(join(cluster.dataDir, 'secrets/edge.key'), 'edge-identity');
  const genuine = new IdentitySigner(key, 'bff', systemClock).sign({ subject: 'root', scopes: [...scopes] });
  const cluster403 = { json: { query: '{ cluster { nodes { name } } }' } };
  for (const forged of [genuine, 'v1.e30.AAAA', '']) {
    const headers = { [identityHeader]: forged };
    // The one address of the web API that is open is so for a page only.
    const page = { headers: { ...headers, accept: 'application/json, text/html;q=0.1' } };
    const query = `/web/graphql?query=${encodeURIComponent('{ topics { edges { cursor } } }')}`;
    assert.equal((await send({ path: query, request: page })).status, 401);
    assert.equal((await send({ path: '/mobile/v1/topics', request: { headers } })).status, 401);
    const token = forge.tokenFor('mallory');
    assert.equal((await send({ path: '/web/graphql', request: { token, headers, ...cluster403 } })).status, 403);
    const path = '/mobile/v1/topics/forged/messages';
    const { status, body } = await send({ path, request: { token, headers, json: { body: 'x' } } });
    assert.equal(status, 201);
    const { id } = body as { id: string };
    assert.equal((await new MobileClient(cluster.gateway, token).message(id))?.author, 'mallory');
  }
});

test('naughty strings come back as they were, through both APIs and at every node', async () => {
  for (const [what, text] of Object.entries(naughtyStrings)) {
    const clients = clientsOf(`naughty ${what}`);
    for (const client of clients) await checkRoundTrip(what, text, client, clients);
  }
});

test('a body of exactly 256 KiB reaches every node', async () => {
  const clients = clientsOf('large');
  const bodies: Record<string, string> = {
    ascii: 'a'.repeat(256 * 1024),
    'four bytes each': '🍇'.repeat(64 * 1024),
    'six times as long in JSON': '\0'.repeat(256 * 1024),
  };
  for (const [what, text] of Object.entries(bodies)) {
    for (const client of clients) await checkRoundTrip(what, text, client, clients);
  }
});

function clientsOf(subject: string): readonly [WebClient, MobileClient] {
  const token = forge.tokenFor(subject);
  return [new WebClient(cluster.gateway, token), new MobileClient(cluster.gateway, token)];
}

async function checkRoundTrip(what: string, body: string, writer: Client, readers: readonly Client[]): Promise<void> {
  const extras = body.length > 0 && body.length <= 256 ? { key: body, headers: { note: body } } : {};
  const { id, heldBy } = await writer.publish({ topic: 'round-trip', body, acks: nodes.length, ...extras });
  assert.equal(heldBy, nodes.length, what);
  for (const reader of readers) {
    const message = await reader.message(id);
    assert.ok(message?.body === body, `${what}: another body came back`);
    assert.equal(message.key ?? undefined, extras.key, what);
    assert.deepEqual({ ...message.headers }, extras.headers ?? {}, what);
  }
  for (const node of nodes) {
    const [message] = await node.messages([id]);
    assert.ok(message?.body === body, `${what}: ${node.name} holds another body`);
  }
}

test('a request that stops in the middle gets 408 and not a hang', async () => {
  const token = forge.tokenFor('slow');
  const path = '/mobile/v1/topics/slow/messages';
  const started = new TextEncoder().encode('{"body": ');
  const raw = new ReadableStream({ start: (controller) => controller.enqueue(started) });
  const answer = await send({ path, request: { token, raw } });
  assert.equal(answer.status, 408);
  assert.equal(errorOf(answer)?.code, 'REQUEST_TIMEOUT');
});

test('garbage is refused with a code of the catalogue and never breaks anything', async () => {
  const statuses = new Set<number>();
  for (const [i, { path, request: options }] of garbageRequests(400, 23).entries()) {
    const token = forge.tokenFor(`garbage-${i % 10}`);
    const answer = await send({ path, request: { token, ...options } });
    statuses.add(answer.status);
    const what = `${JSON.stringify({ path, ...options }).slice(0, 500)}: ${answer.status} ${JSON.stringify(answer.body)}`;
    assert.ok(answer.status < 500, what);
    if (answer.status < 400 || options.method === 'HEAD') continue;
    assert.ok(Object.hasOwn(catalogue, errorOf(answer)?.code ?? ''), what);
  }
  // The run is worth something only if it comes everywhere.
  assert.deepEqual(
    [200, 400, 404, 405].filter((status) => !statuses.has(status)),
    [],
  );
});

test('after all that everything still works, and nothing failed behind the scenes', async () => {
  const [web, mobile] = clientsOf('after');
  const { id, heldBy } = await web.publish({ topic: 'after', body: 'still here', acks: nodes.length });
  assert.equal(heldBy, nodes.length);
  assert.equal((await mobile.message(id))?.body, 'still here');
  const { status } = await send({
    path: '/web/graphql',
    request: { token: forge.tokenFor('last'), json: publishOperation({ topic: 'after', body: 'x' }) },
  });
  assert.equal(status, 200);
  for (const { pid, name } of (await cluster.readFile()).processes) {
    assert.equal((await cluster.process(name)).pid, pid);
  }
  assert.deepEqual(
    cluster.events.filter(({ event }) => event === 'process-exited'),
    [],
  );
  assert.equal(await cluster.stop(), 0, await cluster.errors());
  assert.deepEqual(await cluster.fatalLogLines(), []);
});
