/**
 * In which a service says how the gateway may keep an answer, in place of `Cache-Control` and `Expires`, which then speak to
 * everybody else (RFC 9213). It does not leave the gateway.
 */
export const gatewayCacheHeader = 'grapevine-cache-control';
