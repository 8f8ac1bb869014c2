import { createServer, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { EdgeResponse } from './edge-app.ts';
import { type EdgeServer, maxHeaderBytes } from './protocol-errors.ts';
import { EdgeRequest } from './request-context.ts';
import type { EdgeCertificates } from './tls/edge-certificates.ts';
import { asksForWebSocket } from './websocket/upgrades.ts';

/** Connections that clients keep open without a request; above what browsers and proxies use, so that they close first. */
const keepAliveMs = 75_000;
/** Time for the headers alone, when the whole request may take longer. */
const headersMs = 10_000;
/** How often slow senders are looked for. */
const slowSenderCheckMs = 1_000;

/** A TLS handshake that takes longer is given up. */
const handshakeMs = 10_000;

type EdgeHandler = (request: EdgeRequest, response: EdgeResponse) => void;

/** The server that clients reach, not listening yet: HTTPS where there are certificates. */
export function createEdgeServer(
  app: EdgeHandler,
  config: GatewayConfig,
  certificates: EdgeCertificates | undefined,
): EdgeServer {
  const server = create(
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
    certificates,
  );
  server.maxConnections = config.maxConnections;
  allowTime(server, config);
  return server;
}

function create(
  options: ServerOptions<typeof EdgeRequest, typeof EdgeResponse>,
  app: EdgeHandler,
  certificates: EdgeCertificates | undefined,
): EdgeServer {
  if (certificates === undefined) return createServer(options, app);
  const asksClients = certificates.value.ca !== undefined;
  const tls = { requestCert: asksClients, rejectUnauthorized: asksClients, handshakeTimeout: handshakeMs };
  const server = createTlsServer({ ...options, ...certificates.value, ...tls, ALPNProtocols: ['http/1.1'] }, app);
  // Connections that are open go on with what they began with.
  certificates.onChange((credentials) => server.setSecureContext(credentials));
  // An HTTPS server has all that is used here of an HTTP server, whose class is another one.
  return server as unknown as EdgeServer;
}

/** How long requests may take to arrive, from now on. */
export function allowTime(server: EdgeServer, { requestTimeoutMs }: GatewayConfig): void {
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = Math.min(headersMs, requestTimeoutMs);
}
