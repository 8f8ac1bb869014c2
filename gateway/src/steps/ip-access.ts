import { TLSSocket } from 'node:tls';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { AddressList } from '../limits/address-list.ts';
import { clientAddress } from '../limits/client-address.ts';
import type { Step } from '../request-context.ts';

/**
 * Finds the address that calls behind the proxies that are trusted, and turns away those that may not call: what is denied,
 * and if there is a list of those allowed, everybody else. Of two lists that both name an address the denial counts.
 */
export function ipAccess(access: GatewayConfig['ipAccess']): Step {
  const allow = new AddressList(access.allow);
  const deny = new AddressList(access.deny);
  const trusted = new AddressList(access.trustedProxies);
  return ({ context, headers, socket }, _response, next) => {
    const peer = context.address;
    if (socket instanceof TLSSocket) context.scheme = 'https';
    if (trusted.holds(peer)) {
      context.address = clientAddress(peer, headerText(headers['x-forwarded-for']), trusted);
      if (headerText(headers['x-forwarded-proto'])?.toLowerCase() === 'https') context.scheme = 'https';
    }
    if (deny.holds(context.address) || (!allow.isEmpty && !allow.holds(context.address))) {
      throw new GrapevineError('ADDRESS_REFUSED', 'This address may not call here.');
    }
    next();
  };
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(',');
}
