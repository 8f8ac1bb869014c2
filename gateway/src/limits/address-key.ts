import { isIPv6 } from 'node:net';

/** Groups of an IPv6 address that one customer usually gets: a /64, within which addresses cost nothing. */
const networkGroups = 4;

/** The peer's address as text; an IPv4 address that came through an IPv6 socket is written as IPv4. */
export function addressOf(remoteAddress: string | undefined): string {
  const address = remoteAddress ?? 'unknown';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** What requests are counted by: an IPv4 address, or the /64 network of an IPv6 address. */
export function rateKeyOf(address: string): string {
  return address.includes(':') && isIPv6(address)
    ? `${expand(address).slice(0, networkGroups).join(':')}::/64`
    : address;
}

/** The first groups of an IPv6 address with `::` written out. Only as exact as the first half needs. */
function expand(address: string): readonly string[] {
  const [head = '', tail = ''] = address.split('%', 1).join('').split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  // An IPv4 tail such as ::1.2.3.4 stands for two groups.
  const groups = left.length + right.length + (address.includes('.') ? 1 : 0);
  const zeros = new Array<string>(Math.max(0, 8 - groups)).fill('0');
  return [...left, ...zeros, ...right];
}
