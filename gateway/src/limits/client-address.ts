import { isIP } from 'node:net';
import { addressOf } from './address-key.ts';
import type { AddressList } from './address-list.ts';

/** Proxies in a row that are followed: more than anybody chains, and a bound for headers made of trusted addresses. */
const maxHops = 16;
/** `1.2.3.4:567` and `[2001:db8::1]:567`, as some proxies write it. */
const withPort = /^(?:\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5})$/;

/**
 * Who is calling: the peer, or if that is a proxy that we trust, whom it says it speaks for, which is the last of
 * `X-Forwarded-For`; and so on, as long as that is a trusted proxy, too. Everything to the left of the first address that
 * is not trusted can be made up by it. A trusted proxy that passes on something else than an address counts itself.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: AddressList): string {
  if (forwardedFor === undefined) return peer;
  let client = peer;
  let rest = forwardedFor;
  for (let hop = 0; hop < maxHops && rest !== '' && trusted.holds(client); hop++) {
    const comma = rest.lastIndexOf(',');
    const said = parsedAddress(rest.slice(comma + 1).trim());
    if (said === undefined) return client;
    client = said;
    rest = comma === -1 ? '' : rest.slice(0, comma);
  }
  return client;
}

function parsedAddress(text: string): string | undefined {
  const [, v6, v4] = withPort.exec(text) ?? [];
  const address = v6 ?? v4 ?? text;
  return isIP(address) === 0 ? undefined : addressOf(address);
}
