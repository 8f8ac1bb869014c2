import type { IncomingHttpHeaders } from 'node:http';

/** Browsers cannot set `Authorization` on a WebSocket, but may offer subprotocols, whose alphabet a token fits into. */
const prefix = 'bearer.';

/**
 * The token that a WebSocket client offers as the subprotocol `bearer.<token>`, next to the one that it means to speak. It
 * must offer that other one too: browsers fail a connection for which the server selects none of what they offered.
 */
export function offeredBearer(headers: IncomingHttpHeaders): string | undefined {
  return offered(headers)
    .find((protocol) => protocol.startsWith(prefix))
    ?.slice(prefix.length);
}

/** The `Sec-WebSocket-Protocol` for the upstream, which must never select, or log, a token. */
export function withoutBearer(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const others = offered({ 'sec-websocket-protocol': value }).filter((protocol) => !protocol.startsWith(prefix));
  return others.length === 0 ? undefined : others.join(', ');
}

function offered(headers: IncomingHttpHeaders): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}
