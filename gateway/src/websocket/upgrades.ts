import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { EdgeResponse } from '../edge-app.ts';
import { endGently } from '../linger.ts';
import type { EdgeServer } from '../protocol-errors.ts';
import type { EdgeRequest } from '../request-context.ts';
import type { InTurn } from '../steps/in-turn.ts';

/** Whether a request asks for a WebSocket. Other upgrades are not ours to make, and a server may ignore them (RFC 9110 section 7.8). */
export function asksForWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  return method === 'GET' && httpVersion === '1.1' && headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Sends upgrades through the same steps as all other requests: Node reports them past the request handler, with a bare
 * socket. What a step refuses gets its answer, and the connection closes behind it.
 */
export function takeUpgrades(
  server: EdgeServer,
  turns: InTurn,
  app: (request: EdgeRequest, response: EdgeResponse) => void,
): void {
  server.on('upgrade', (request: EdgeRequest, socket: Duplex, head: Buffer) => {
    if (turns.latest(socket) !== undefined) {
      // Sent before the answer to the last request was there; its bytes and that answer cannot share the connection.
      socket.destroy();
      return;
    }
    socket.on('error', () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    const response = new EdgeResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    response.once('finish', () => endGently(socket));
    request.context.upgrade = socket;
    app(request, response);
  });
}
