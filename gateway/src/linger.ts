import type { Duplex } from 'node:stream';

/** A connection is read for so long that the client gets to the answer; closed at once, unread bytes would reset it. */
const lingerMs = 1_000;

/**
 * Writes the last bytes to a connection and closes it; what still comes is read and dropped until the other side closes
 * too, or a second is over (RFC 9112 section 9.6).
 */
export function endGently(socket: Duplex, lastBytes?: string | Uint8Array): void {
  // The peer may be gone already; without a listener its reset would end the process.
  socket.on('error', () => socket.destroy());
  const linger = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(linger));
  if (lastBytes === undefined) socket.end();
  else socket.end(lastBytes);
  socket.resume();
}
