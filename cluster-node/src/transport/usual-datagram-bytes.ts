import { platform } from 'node:os';

/** What every path carries without fragmenting it: Ethernet leaves 1,472 bytes to UDP, tunnels a little less. */
const anyPath = 1_400;
/**
 * A datagram costs about the same at any size up to this: one system call, one cipher; and as a node signs what fits one at
 * once, fewer signatures have to be checked. A receive buffer of the usual 208 KiB takes a whole answer of them.
 */
const loopback = 24_000;
/** Every system sends so much; those of the BSDs, macOS among them, no more than 9,216 unless told otherwise. */
const loopbackAnywhere = 8_192;

/** Largest datagram that a node sends by default when its socket is bound to `host`: who listens on loopback has all its peers there. */
export function usualDatagramBytes(host: string): number {
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  if (!isLoopback) return anyPath;
  return platform() === 'linux' || platform() === 'win32' ? loopback : loopbackAnywhere;
}
