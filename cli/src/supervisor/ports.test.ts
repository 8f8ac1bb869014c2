import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { requireFreePorts } from './ports.ts';

test('a taken TCP port is named with its use and the flag, in one line', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await assert.rejects(requireFreePorts([{ protocol: 'tcp', host: '127.0.0.1', port, use: 'gateway' }]), {
      code: 'PORT_TAKEN',
      message: `TCP port ${port} on 127.0.0.1 (gateway) is already in use; move all ports with --base-port.`,
    });
  } finally {
    server.close();
  }
});

test('a taken UDP port is noticed although TCP is free there', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  try {
    await requireFreePorts([{ protocol: 'tcp', host: '127.0.0.1', port, use: 'node-1' }]);
    await assert.rejects(
      requireFreePorts([{ protocol: 'udp', host: '127.0.0.1', port, use: 'node-1 gossip' }]),
      /UDP port \d+ on 127\.0\.0\.1 \(node-1 gossip\) is already in use/,
    );
  } finally {
    socket.close();
  }
});

test('an address that is not ours is an error, not a crash', async () => {
  for (const protocol of ['tcp', 'udp'] as const) {
    await assert.rejects(
      requireFreePorts([{ protocol, host: '192.0.2.1', port: 9, use: 'gateway' }]),
      /cannot be opened \(EADDRNOTAVAIL\)|may not be opened/,
    );
  }
});
