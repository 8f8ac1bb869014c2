import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { after, afterEach, before, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type RunningGateway, startRunningGateway, until } from '@grapevine/gateway/testing/running-gateway.ts';
import { CertificateAuthority } from '../../fixtures/certificates.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** Files settle in these tests, on machines that are busy. */
const patientMs = 60_000;
const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());

let authority: CertificateAuthority;
let gateway: RunningGateway;
before(() => {
  authority = new CertificateAuthority(folder.path, 'authority');
});
afterEach(() => gateway.stop());

interface Told {
  readonly status: number;
  readonly hsts: string | undefined;
  /** Of the certificate that the gateway showed on this connection. */
  readonly serial: string;
}

async function ask(agent: Agent): Promise<Told> {
  const headers = { authorization: `Bearer ${await gateway.token()}` };
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: gateway.port, path: '/web/x', agent, headers }, (answer) => {
      const { serialNumber: serial } = (answer.socket as TLSSocket).getPeerCertificate();
      const hsts = answer.headers['strict-transport-security'];
      answer.resume().once('end', () => resolve({ status: answer.statusCode ?? 0, hsts, serial }));
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

function agentFor(options: ConnectionOptions = {}): Agent {
  return new Agent({
    keepAlive: true,
    maxSockets: 1,
    maxCachedSessions: 0,
    ca: readFileSync(authority.caFile),
    ...options,
  });
}

test('certificates change without dropping a connection', async () => {
  const { certFile, keyFile } = authority.issue('edge');
  gateway = await startRunningGateway({ tls: { certFile, keyFile } });
  const lasting = agentFor();
  const first = await ask(lasting);
  assert.deepEqual([first.status, first.hsts], [200, 'max-age=31536000']);
  assert.equal(gateway.web.received.at(-1)?.headers['x-forwarded-proto'], 'https');

  authority.issue('edge');
  const shownNow = async (): Promise<string> => {
    const agent = agentFor();
    const { serial } = await ask(agent);
    agent.destroy();
    return serial;
  };
  await until('new connections see the new certificate', async () => (await shownNow()) !== first.serial, patientMs);
  assert.deepEqual(await ask(lasting), first, 'the connection that was open goes on');
  lasting.destroy();
});

test('old versions and plain HTTP are not spoken', async () => {
  const { certFile, keyFile } = authority.issue('edge');
  gateway = await startRunningGateway({ tls: { certFile, keyFile } });
  // Clients of today do not offer it unless told to: so far down, OpenSSL asks for its lowest level of security.
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  await assert.rejects(ask(agentFor(old)));
  await assert.rejects(fetch(`http://127.0.0.1:${gateway.port}/web/x`));
  assert.equal(gateway.web.begun(), 0);
});

test('where clients need a certificate, nobody else gets a request through', async () => {
  const { certFile, keyFile, caFile } = authority.issue('edge');
  gateway = await startRunningGateway({ tls: { certFile, keyFile, clientCaFile: caFile } });
  const client = authority.issue('client');
  const stranger = new CertificateAuthority(folder.path, 'other').issue('client');
  const agentWith = (files: { certFile: string; keyFile: string }): Agent =>
    agentFor({ cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) });
  const known = agentWith(client);
  assert.equal((await ask(known)).status, 200);
  known.destroy();
  await assert.rejects(ask(agentFor()));
  await assert.rejects(ask(agentWith(stranger)));
  assert.equal(gateway.web.begun(), 1);
});

test('a client that never finishes its handshake harms nobody', async () => {
  const { certFile, keyFile } = authority.issue('edge');
  gateway = await startRunningGateway({ tls: { certFile, keyFile } });
  const rubbish = connect({ host: '127.0.0.1', port: gateway.port, ca: readFileSync(authority.caFile) });
  rubbish.on('error', () => {});
  rubbish.destroy();
  const agent = agentFor();
  assert.equal((await ask(agent)).status, 200);
  agent.destroy();
});
