/** What every path carries without fragmenting it: Ethernet leaves 1,472 bytes to UDP, tunnels a little less. */
const anyPath = 1_400;
/**
 * A datagram costs about the same at any size up to this: one system call, one cipher. Loopback carries 16 KiB and more in one
 * piece, and every system sends at least 9 KB.
 */
const loopback = 8_192;

/** Largest datagram that a node sends by default when its socket is bound to `host`: who listens on loopback has all its peers there. */
export function usualDatagramBytes(host: string): number {
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  return isLoopback ? loopback : anyPath;
}
