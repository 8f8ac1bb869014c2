import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { until } from '@grapevine/test/e2e/until.ts';
import { CertificateAuthority } from '@grapevine/test/fixtures/certificates.ts';
import { recordingLog } from '@grapevine/test/fixtures/recording-log.ts';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { listen } from './listen.ts';
import { MutualTls, type TlsFiles } from './mutual-tls.ts';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let folder: string;
let ours: CertificateAuthority;
let foreign: CertificateAuthority;

before(async () => {
  folder = resources.use(await temporaryFolder()).path;
  ours = new CertificateAuthority(folder, 'ours');
  foreign = new CertificateAuthority(folder, 'foreign');
});

async function opened(t: TestContext, files: TlsFiles) {
  const { log, lines } = recordingLog();
  const tls = await MutualTls.open({ files, log, pollMs: 20 });
  t.after(() => tls.stop());
  return { tls, lines };
}

/** A server that answers with the name in its caller's certificate. */
async function serve(t: TestContext, tls: MutualTls): Promise<string> {
  const options = { ...tls.credentials, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (request, response) => {
    // Each caller connects anew, so that it meets the server's certificate of the moment.
    response.setHeader('connection', 'close');
    response.end(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
  });
  tls.onChange((credentials) => server.setSecureContext(credentials));
  const listening = await listen(server, { name: 'test', host: '127.0.0.1', port: 0, portFlag: '', drainMs: 100 });
  t.after(() => listening.stop());
  assert.match(listening.url, /^https:/);
  return listening.url;
}

async function callerName(tls: MutualTls, url: string): Promise<string> {
  return (await tls.fetch(url, {})).text();
}

test('two processes of one authority know each other', async (t) => {
  const { tls: server } = await opened(t, ours.issue('server'));
  const { tls: client } = await opened(t, ours.issue('client'));
  assert.equal(await callerName(client, await serve(t, server)), 'client');
});

test('neither a client nor a server of another authority is talked to', async (t) => {
  const { tls: server } = await opened(t, ours.issue('server'));
  const { tls: stranger } = await opened(t, { ...foreign.issue('client'), caFile: ours.caFile });
  await assert.rejects(callerName(stranger, await serve(t, server)));
  const { tls: client } = await opened(t, ours.issue('client'));
  const { tls: impostor } = await opened(t, { ...foreign.issue('server'), caFile: ours.caFile });
  await assert.rejects(callerName(client, await serve(t, impostor)));
});

test('nothing goes out without TLS', async (t) => {
  const { tls } = await opened(t, ours.issue('client'));
  await assert.rejects(tls.fetch('http://127.0.0.1:7101/', {}), (error: Error) =>
    /expected https/.test(String(error.cause)),
  );
});

test('certificates that change are used for new connections, on both sides, without a restart', async (t) => {
  const { tls: server, lines } = await opened(t, ours.issue('server'));
  const files = ours.issue('client');
  const { tls: client } = await opened(t, files);
  const url = await serve(t, server);
  assert.equal(await callerName(client, url), 'client');
  const next = ours.issue('next');
  await copyFile(next.certFile, files.certFile);
  await copyFile(next.keyFile, files.keyFile);
  await until('the next name', async () => (await callerName(client, url)) === 'next', 30_000);
  ours.issue('server');
  await until(
    'the server took its new one',
    () => lines.some((line) => line.includes('read the certificates')),
    30_000,
  );
  assert.equal(await callerName(client, url), 'next');
});

test('certificates that do not fit together change nothing, and are no start', async (t) => {
  const files = ours.issue('server');
  const { tls, lines } = await opened(t, files);
  const { credentials } = tls;
  await writeFile(files.keyFile, 'no key\n');
  await until('the reason', () => lines.some((line) => line.includes('cannot use the certificates')), 30_000);
  assert.equal(tls.credentials, credentials);
  const { log } = recordingLog();
  await assert.rejects(MutualTls.open({ files, log }));
  await assert.rejects(MutualTls.open({ files: { ...files, caFile: join(folder, 'absent') }, log }), {
    code: 'CONFIG_INVALID',
  });
});
