import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * Addresses of this link alone (RFC 3927, RFC 4291 section 2.5.6), at which clouds hand out credentials to whoever asks from
 * the machine, and those of clouds that use others. Nobody serves anything behind a gateway there: whoever names one wants
 * the gateway to fetch what is not meant for them.
 */
const forbidden = new BlockList();
forbidden.addSubnet('169.254.0.0', 16, 'ipv4');
forbidden.addSubnet('fe80::', 10, 'ipv6');
forbidden.addAddress('fd00:ec2::254', 'ipv6');
forbidden.addAddress('100.100.100.200', 'ipv4');
const forbiddenNames = /^metadata(\.google\.internal)?\.?$/i;

/** Why nothing may be sent to `host`, an address as in a URL or a name; undefined when it may. */
export function forbiddenTarget(host: string): string | undefined {
  const [bare = ''] = host.replace(/^\[|\]$/g, '').split('%', 1);
  const family = isIP(bare);
  const isForbidden = family === 0 ? forbiddenNames.test(bare) : forbidden.check(bare, family === 6 ? 'ipv6' : 'ipv4');
  return isForbidden ? `${host} is a link-local or metadata address, to which the gateway sends nothing` : undefined;
}

/** Looks up names as the system does, and fails for those that lead to an address to which nothing may be sent. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, options, (error, address, family) => {
    const found = typeof address === 'string' ? [address] : (address ?? []).map((one) => one.address);
    const reason = error === null ? found.map(forbiddenTarget).find((one) => one !== undefined) : undefined;
    callback(reason === undefined ? error : new Error(`${hostname}: ${reason}`), address, family);
  });
};
