import { BlockList, isIP } from 'node:net';

/** Addresses and networks (CIDR), IPv4 and IPv6. An IPv4 address counts as such however it is written. */
export class AddressList {
  readonly isEmpty: boolean;
  readonly #list = new BlockList();

  /** `entries` are such as `10.0.0.0/8`, `2001:db8::/32` or `::1`. */
  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0;
    for (const entry of entries) {
      const [address = '', prefix] = entry.split('/');
      const family = familyOf(address);
      if (prefix === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
  }

  /** Whether `address` is in it; what is no address is in no list. */
  holds(address: string): boolean {
    if (this.isEmpty) return false;
    // A zone (fe80::1%eth0) names an interface of this machine, not another address.
    const [bare = ''] = address.split('%', 1);
    return isIP(bare) !== 0 && this.#list.check(bare, familyOf(bare));
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
