import { isIP } from 'node:net';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { isOneMachine } from './one-machine.ts';

/** Where a peer is said to be, checked: a name, or the address of one machine, that something can be sent to. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** Peers of one registry: as many as a list of seeds may have. One is enough to find all others. */
export const maxPeers = 1_024;

const hostPattern = /^[A-Za-z0-9._:-]{1,253}$/;

/**
 * The address, checked. Throws `CONFIG_INVALID` for a host that is neither a name nor an address of one machine, and for a
 * port that is not between 1 and 65535; `source` begins the message.
 */
export function checkedAddress(host: string, port: number, source: string): PeerAddress {
  const family = isIP(host);
  const isUsable = family === 0 ? !host.includes(':') : isOneMachine(host, family);
  if (!hostPattern.test(host) || !isUsable) {
    throw invalid(`${source}: found the host ${quoted(host)}, expected a host name or the IP address of one machine.`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalid(`${source}: found the port ${port}, expected 1 to 65535.`);
  }
  return { host, port };
}

/** `host:port` or `[v6 host]:port`. Throws `CONFIG_INVALID`; `source` begins the message. */
export function parsePeerAddress(text: string, source: string): PeerAddress {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw invalid(`${source}: found ${quoted(text)}, expected host:port.`);
  return checkedAddress(host, Number(port), source);
}

/** Each address once, in their order. Throws `CONFIG_INVALID` for more than `maxPeers`. */
export function distinctPeers(peers: readonly PeerAddress[], source: string): readonly PeerAddress[] {
  const byText = new Map(peers.map((peer) => [`${peer.host} ${peer.port}`, peer]));
  if (byText.size > maxPeers) throw invalid(`${source}: found ${byText.size} peers, expected at most ${maxPeers}.`);
  return [...byText.values()];
}

/** Whether both lists name the same peers in the same order. */
export function samePeers(a: readonly PeerAddress[], b: readonly PeerAddress[]): boolean {
  return a.length === b.length && a.every(({ host, port }, i) => host === b[i]?.host && port === b[i]?.port);
}

/** Short and on one line, whatever it is. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function invalid(message: string): GrapevineError {
  return new GrapevineError('CONFIG_INVALID', message);
}
