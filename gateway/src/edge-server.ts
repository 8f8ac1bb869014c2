import { createServer } from 'node:http';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { EdgeResponse } from './edge-app.ts';
import { type EdgeServer, maxHeaderBytes } from './protocol-errors.ts';
import { EdgeRequest } from './request-context.ts';
import { asksForWebSocket } from './websocket/upgrades.ts';

/** Connections that clients keep open without a request; above what browsers and proxies use, so that they close first. */
const keepAliveMs = 75_000;
/** Time for the headers alone, when the whole request may take longer. */
const headersMs = 10_000;
/** How often slow senders are looked for. */
const slowSenderCheckMs = 1_000;

/** The HTTP server that clients reach, not listening yet. */
export function createEdgeServer(
  app: (request: EdgeRequest, response: EdgeResponse) => void,
  config: GatewayConfig,
): EdgeServer {
  const server = createServer(
    {
      IncomingMessage: EdgeRequest,
      ServerResponse: EdgeResponse,
      maxHeaderSize: maxHeaderBytes,
      connectionsCheckingInterval: Math.min(slowSenderCheckMs, config.requestTimeoutMs),
      keepAliveTimeout: keepAliveMs,
      // Finds clients that vanished without a word while a stream to them is silent.
      keepAlive: true,
      noDelay: true,
      // Node's own answer to a missing Host has no body; a step of ours refuses it with a problem document.
      requireHostHeader: false,
      // Most requests have no body: nobody needs a stream that announces its end.
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: asksForWebSocket,
    },
    app,
  );
  server.maxConnections = config.maxConnections;
  allowTime(server, config);
  return server;
}

/** How long requests may take to arrive, from now on. */
export function allowTime(server: EdgeServer, { requestTimeoutMs }: GatewayConfig): void {
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = Math.min(headersMs, requestTimeoutMs);
}
