import type { Server } from 'node:http';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { addressOf, rateKeyOf } from '../limits/address-key.ts';
import { AddressList } from '../limits/address-list.ts';

/**
 * Closes connections of an address (IPv6: of a /64 network) that has as many as it may: one caller alone must not take all
 * that there are. Proxies that are trusted speak for many and are not counted. Answers how many were closed, with those beyond
 * the limit of all connections together.
 */
export function limitConnections(server: Server, { ipAccess, maxConnectionsPerAddress }: GatewayConfig): () => number {
  const trusted = new AddressList(ipAccess.trustedProxies);
  const open = new Map<string, number>();
  let closed = 0;
  server.on('drop', () => void closed++);
  server.on('connection', (socket) => {
    const address = addressOf(socket.remoteAddress);
    if (trusted.holds(address)) return;
    const key = rateKeyOf(address);
    const count = open.get(key) ?? 0;
    if (count >= maxConnectionsPerAddress) {
      closed++;
      socket.destroy();
      return;
    }
    open.set(key, count + 1);
    socket.once('close', () => {
      const left = (open.get(key) ?? 1) - 1;
      if (left === 0) open.delete(key);
      else open.set(key, left);
    });
  });
  return () => closed;
}
