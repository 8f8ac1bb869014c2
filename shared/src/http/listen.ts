import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { GrapevineError } from '../errors/grapevine-error.ts';
import type { Stoppable } from '../lifecycle.ts';

export interface ListenOptions {
  /** For messages and metrics, such as `gateway` or `node-1 HTTP`. */
  readonly name: string;
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** What a user changes to get another port; shown when the port is taken. */
  readonly portFlag: string;
  /** Whether several processes listen on the port, each getting its share of connections from the kernel (`SO_REUSEPORT`). */
  readonly reusePort?: boolean;
  /** How long requests in flight may take after `stop`, in milliseconds, before their connections are cut. */
  readonly drainMs: number;
}

export interface ListeningServer extends Stoppable {
  readonly port: number;
  readonly url: string;
}

/**
 * Starts listening. Throws `PORT_TAKEN` naming the port and the flag. `stop` takes no new connections, ends idle ones at
 * once, lets requests in flight finish until the deadline and cuts the rest.
 */
export async function listen(server: Server, options: ListenOptions): Promise<ListeningServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, options)));
    server.listen(
      { host: options.host, port: options.port, exclusive: true, reusePort: options.reusePort === true },
      resolve,
    );
  });
  const { port } = server.address() as AddressInfo;
  return {
    name: options.name,
    port,
    url: `${server instanceof TlsServer ? 'https' : 'http'}://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    stop: () => close(server, options.drainMs),
  };
}

function explain(error: NodeJS.ErrnoException, options: ListenOptions): Error {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return error;
  const why = error.code === 'EACCES' ? 'may not be opened by this user' : 'is already in use';
  return new GrapevineError(
    'PORT_TAKEN',
    `Port ${options.port} on ${options.host} (${options.name}) ${why}; choose another with ${options.portFlag}.`,
  );
}

async function close(server: Server, drainMs: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  try {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  } finally {
    clearTimeout(timer);
  }
}
