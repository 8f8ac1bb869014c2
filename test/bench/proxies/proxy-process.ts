/** How a rival's process and the benchmark talk: the upstream's URL is its argument, its port its only message. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export function upstreamFromArguments(): string {
  const [url] = process.argv.slice(2);
  if (url === undefined) throw new Error("Expected the upstream's URL as the argument.");
  return url;
}

/** Tells the benchmark where `server` listens, and ends with it. */
export function announce(server: Server): void {
  const send = (): void =>
    void process.send?.({ type: 'ready', ports: { http: (server.address() as AddressInfo).port } });
  if (server.listening) send();
  else server.once('listening', send);
  process.once('disconnect', () => process.exit(0));
}
