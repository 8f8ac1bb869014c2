import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { PortUse } from './plan.ts';

/**
 * Throws `PORT_TAKEN` naming the first port of `uses` that cannot be opened and the flag that moves it. Asked before
 * anything starts: a child that finds its port taken would say so only in its own log.
 */
export async function requireFreePorts(uses: readonly PortUse[]): Promise<void> {
  const failures = await Promise.all(uses.map(tryToOpen));
  const index = failures.findIndex((failure) => failure !== undefined);
  const use = uses[index];
  if (use === undefined) return;
  const { protocol, host, port } = use;
  throw new GrapevineError(
    'PORT_TAKEN',
    `${protocol.toUpperCase()} port ${port} on ${host} (${use.use}) ${reasonOf(failures[index])}; move all ports with --base-port.`,
  );
}

async function tryToOpen(use: PortUse): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await (use.protocol === 'tcp' ? openTcp(use) : openUdp(use));
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

async function openTcp({ host, port }: PortUse): Promise<void> {
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function openUdp({ host, port }: PortUse): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind({ address: host, port, exclusive: true });
    await once(socket, 'listening');
  } finally {
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  }
}

function reasonOf(failure: NodeJS.ErrnoException | undefined): string {
  if (failure?.code === 'EADDRINUSE') return 'is already in use';
  if (failure?.code === 'EACCES') return 'may not be opened by this user';
  return `cannot be opened (${failure?.code ?? failure?.message})`;
}
