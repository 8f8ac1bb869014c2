import { BlockList } from 'node:net';

/** Addresses that no single machine answers at. Sending there would reach nobody, or everybody. */
const nobody = new BlockList();
nobody.addSubnet('0.0.0.0', 8, 'ipv4');
nobody.addSubnet('224.0.0.0', 4, 'ipv4');
nobody.addAddress('255.255.255.255', 'ipv4');
nobody.addAddress('::', 'ipv6');
nobody.addSubnet('ff00::', 8, 'ipv6');

/** Whether an IP address, of the family 4 or 6, can be that of one machine: not unspecified, broadcast or multicast. */
export function isOneMachine(address: string, family: number): boolean {
  return !nobody.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
