import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { systemClock } from '@grapevine/shared/clock.ts';
import { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import { MutualTls, type TlsFiles } from '@grapevine/shared/http/mutual-tls.ts';
import { nobleHeadVerifier } from '@grapevine/shared/log/head.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { CertificateAuthority } from '@grapevine/test/fixtures/certificates.ts';
import { nodeSigner, peerAccess, TestNode, vouched } from '@grapevine/test/fixtures/node-http.ts';
import { recordingLog } from '@grapevine/test/fixtures/recording-log.ts';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { PeerClient } from './peer-client.ts';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let ours: CertificateAuthority;
let foreign: CertificateAuthority;
let node: TestNode;

async function tlsOf(files: TlsFiles): Promise<MutualTls> {
  const tls = await MutualTls.open({ files, log: recordingLog().log });
  resources.defer(() => tls.stop());
  return tls;
}

before(async () => {
  const { path } = resources.use(await temporaryFolder());
  ours = new CertificateAuthority(path, 'ours');
  foreign = new CertificateAuthority(path, 'foreign');
  node = resources.use(await TestNode.start('node-1', nobleHeadVerifier, await tlsOf(ours.issue('node-1'))));
});

interface Caller {
  readonly cert?: string;
  readonly key?: string;
}

/** The status of an answer to somebody who trusts the node's authority. */
async function statusFor(path: string, caller: Caller, headers: Record<string, string> = {}): Promise<number> {
  const options = { ...caller, ca: readFileSync(ours.caFile, 'utf8'), headers, agent: false } as const;
  return new Promise((resolve, reject) => {
    get(`${node.url}${path}`, options, (response) => {
      text(response).then(() => resolve(response.statusCode ?? 0), reject);
    }).on('error', reject);
  });
}

function shown({ certFile, keyFile }: TlsFiles): Caller {
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

test('the API wants a certificate of its authority and an identity, health and metrics neither', async () => {
  const own = shown(ours.issue('bff-web'));
  const stranger = shown(foreign.issue('bff-web'));
  assert.equal(await statusFor('/v1/root', own, vouched()), 200);
  assert.equal(await statusFor('/v1/root', own), 401);
  assert.equal(await statusFor('/v1/root', {}, vouched()), 401);
  assert.equal(await statusFor('/v1/root', stranger, vouched()), 401);
  for (const path of ['/healthz', '/readyz', '/metrics']) assert.equal(await statusFor(path, {}), 200, path);
});

test('whoever speaks plain HTTP gets no answer', async () => {
  await assert.rejects(fetch(node.url.replace('https', 'http'), { headers: vouched() }));
});

test('nodes and BFFs call it with certificates of their own', async () => {
  const tls = await tlsOf(ours.issue('caller'));
  const access = { ...peerAccess, fetch: tls.fetch };
  const peer = new PeerClient({ name: 'node-1', http: node.url }, access, AbortSignal.timeout(10_000));
  assert.equal((await peer.heads()).node, 'node-1');
  const options = { name: 'test', signer: nodeSigner, clock: systemClock, random: systemRandom };
  const client = new ClusterClient({ ...options, seeds: [node.url], tls, requestTimeoutMs: 10_000 });
  resources.defer(() => client.stop());
  const caller = { identity: { subject: 'ada', scopes: ['messages:write', 'messages:read'] } } as const;
  const { results } = await client.publish(caller, { messages: [{ topic: 'a', body: 'x' }] });
  assert.equal((await client.message(caller, results[0]?.id ?? ''))?.body, 'x');
});
