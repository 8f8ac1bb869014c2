import type { Server } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
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
  /**
   * How long connections that are idle at `stop` stay open, in milliseconds: a request that a client sends on one meanwhile
   * is answered, and with the answer it can be told to take another. At once when absent.
   */
  readonly idleGraceMs?: number;
}

export interface ListeningServer extends Stoppable {
  readonly port: number;
  readonly url: string;
}

/**
 * Starts listening. Throws `PORT_TAKEN` naming the port and the flag. `stop` takes no new connections, ends idle ones after
 * their grace, lets requests in flight finish until the deadline and cuts the rest.
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
    stop: () => close(server, options.drainMs, options.idleGraceMs ?? 0),
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

/** How often connections are looked for that have become idle. */
const idleCheckMs = 50;

async function close(server: Server, drainMs: number, idleMs: number): Promise<void> {
  const deadline = setTimeout(() => server.closeAllConnections(), drainMs);
  let checks: NodeJS.Timeout | undefined;
  const grace = setTimeout(() => {
    server.closeIdleConnections();
    checks = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  }, idleMs);
  try {
    await new Promise<void>((resolve) => {
      // An HTTP server's own `close` would end idle connections at once, and with them the requests on their way to us.
      if (idleMs > 0) NetServer.prototype.close.call(server, () => resolve());
      else server.close(() => resolve());
    });
  } finally {
    clearTimeout(deadline);
    clearTimeout(grace);
    clearInterval(checks);
    if (idleMs > 0) server.close();
  }
}
