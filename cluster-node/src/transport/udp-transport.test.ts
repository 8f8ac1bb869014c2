import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openUdpTransport, type UdpTransport } from './udp-transport.ts';

const options = { name: 'node-1 UDP', host: '127.0.0.1', port: 0, portFlag: '--udp-port' };
const deadline = { timeout: 10_000 };

async function opened(t: TestContext): Promise<UdpTransport> {
  const transport = await openUdpTransport(options);
  t.after(() => transport.close());
  return transport;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

test('a taken port is an error of one line that names the port and the flag', deadline, async (t) => {
  const { port } = (await opened(t)).address;
  await assert.rejects(openUdpTransport({ ...options, port }), {
    code: 'PORT_TAKEN',
    message: `UDP port ${port} on 127.0.0.1 (node-1 UDP) is already in use; choose another with --udp-port.`,
  });
});

test('errors of the network are counted by code, and sending goes on', deadline, async (t) => {
  const transport = await opened(t);
  transport.send(transport.address, new Uint8Array(65_508));
  transport.send({ host: '::1', port: 9 }, new Uint8Array(1));
  transport.send({ host: '127.0.0.1', port: 0 }, new Uint8Array(1));
  transport.send(transport.address, new Uint8Array(7));
  await until(() => transport.counts.receivedDatagrams === 1 && transport.counts.sentDatagrams === 1);
  await until(() => Object.keys(transport.counts.errors).length === 3);
  const { EMSGSIZE, ERR_SOCKET_BAD_PORT } = transport.counts.errors;
  assert.deepEqual({ EMSGSIZE, ERR_SOCKET_BAD_PORT }, { EMSGSIZE: 1, ERR_SOCKET_BAD_PORT: 1 });
  assert.equal(transport.counts.sentBytes, 7);
  assert.equal(transport.counts.receivedBytes, 7);
});

test('what waits to be sent is bounded by 4 MiB, what comes on top is dropped and counted', deadline, async (t) => {
  const transport = await opened(t);
  const sink = createSocket('udp4').bind(0, '127.0.0.1');
  t.after(() => sink.close());
  await once(sink, 'listening');
  const to = { host: '127.0.0.1', port: sink.address().port };
  const datagram = new Uint8Array(65_507);
  for (let i = 0; i < 70; i++) transport.send(to, datagram);
  assert.equal(transport.counts.dropped, 70 - 64);
  await until(() => transport.counts.sentDatagrams === 64);
  transport.send(to, datagram);
  await until(() => transport.counts.sentDatagrams === 65);
});

test('names are resolved', deadline, async (t) => {
  const transport = await opened(t);
  transport.send({ host: 'localhost', port: transport.address.port }, new Uint8Array(1));
  await until(() => transport.counts.receivedDatagrams === 1);
});
