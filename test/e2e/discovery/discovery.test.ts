import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type RecordingUpstream, startRecordingUpstream } from '@grapevine/gateway/testing/recording-upstream.ts';
import { type RunningGateway, startRunningGateway, until } from '@grapevine/gateway/testing/running-gateway.ts';
import { DnsServer } from '../../fixtures/dns-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** Files settle and questions are asked again in these tests, on machines that are busy. */
const patientMs = 60_000;
const name = '_web._tcp.grapevine.test';

let instances: readonly [RecordingUpstream, RecordingUpstream];
let gateway: RunningGateway;
beforeEach(async () => {
  instances = [await startRecordingUpstream(), await startRecordingUpstream()];
  for (const [index, instance] of instances.entries()) {
    instance.answerWith((_request, response) => response.end(String(index)));
  }
});
afterEach(async () => {
  await gateway.stop();
  await Promise.all(instances.map((instance) => instance.stop()));
});

const addressOf = (instance: RecordingUpstream): string => `127.0.0.1:${instance.port}`;

/** The instances that the gateway knows. */
async function known(): Promise<readonly string[]> {
  const { upstreams } = (await (await fetch(`${gateway.adminUrl}/upstreams`)).json()) as {
    upstreams: { name: string; instances: { url: string }[] }[];
  };
  return upstreams.find((one) => one.name === 'web')?.instances.map(({ url }) => url) ?? [];
}

async function ask(): Promise<string> {
  const answer = await gateway.fetch('/web/x');
  return answer.status === 200 ? answer.text() : String(answer.status);
}

/** Whoever leaves ends with what it has, whoever joins is used, and what is wrong or empty changes nothing. */
async function followsChanges(
  change: (addresses: readonly string[]) => Promise<void>,
  spoil: () => Promise<void>,
): Promise<void> {
  const [first, second] = instances;
  assert.equal(await ask(), '0');
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  first.answerWith((_request, response) => void released.then(() => response.end('late')));
  const begun = first.begun();
  const slow = ask();
  await until('it is in flight', () => first.begun() === begun + 1, patientMs);

  await change([addressOf(second)]);
  await until('the other one is known alone', async () => (await known()).join() === second.url, patientMs);
  for (let count = 0; count < 10; count++) assert.equal(await ask(), '1');
  release();
  assert.equal(await slow, 'late', 'what was in flight has ended well');

  first.answerWith((_request, response) => response.end('0'));
  await change([addressOf(first), addressOf(second)]);
  await until('both are known', async () => (await known()).length === 2, patientMs);
  const found = await Promise.all(Array.from({ length: 40 }, () => ask()));
  assert.deepEqual([...new Set(found)].sort(), ['0', '1']);

  await spoil();
  await change(['169.254.169.254:80']);
  await until(
    'it is refused',
    () => gateway.logs.some(({ reason }) => /169\.254\.169\.254 is a link-local/.test(String(reason))),
    patientMs,
  );
  assert.equal((await known()).length, 2);
  assert.notEqual(await ask(), '503');
}

describe('instances are discovered', () => {
  test('by SRV records', async () => {
    await using dns = await DnsServer.open();
    const change = async (addresses: readonly string[]): Promise<void> => {
      dns.failure = undefined;
      dns.zone = new Map([[name, addresses]]);
    };
    await change([addressOf(instances[0])]);
    const web = { kind: 'dns', name, servers: [dns.address], intervalMs: 100 };
    gateway = await startRunningGateway({ upstreams: { web } });
    await followsChanges(change, async () => {
      const failures = (): number => gateway.logs.filter(({ msg }) => msg === 'DNS gave no usable peers').length;
      await change([]);
      await until('there was an empty answer', () => failures() === 1, patientMs);
      dns.failure = 'servfail';
      await until('the server failed', () => failures() === 2, patientMs);
      assert.equal((await known()).length, 2);
    });
  });

  test('by addresses', async () => {
    await using dns = await DnsServer.open();
    dns.zone = new Map([['web.grapevine.test', ['127.0.0.1']]]);
    const web = { kind: 'dns', name: 'web.grapevine.test', port: instances[0].port, servers: [dns.address] };
    gateway = await startRunningGateway({ upstreams: { web } });
    assert.equal(await ask(), '0');
  });

  test('by a file', async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/web`;
    const change = async (addresses: readonly string[]): Promise<void> => {
      await writeFile(`${path}.new`, `${addresses.join('\n')}\n`);
      await rename(`${path}.new`, path);
    };
    await change([addressOf(instances[0])]);
    gateway = await startRunningGateway({ upstreams: { web: { kind: 'file', path } } });
    await followsChanges(change, async () => {
      await change([]);
      const isRefused = (): boolean => gateway.logs.some(({ reason }) => /found no peers/.test(String(reason)));
      await until('the empty list is refused', isRefused, patientMs);
    });
  });
});

test('as long as nobody is found, clients are told to come back', async () => {
  await using dns = await DnsServer.open();
  const web = { kind: 'dns', name, servers: [dns.address], intervalMs: 100 };
  gateway = await startRunningGateway({ upstreams: { web } });
  const answer = await gateway.fetch('/web/x');
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1']);
  dns.zone = new Map([[name, [addressOf(instances[0])]]]);
  await until('it is found', async () => (await ask()) === '0', patientMs);
});
