import { createServer, type Server } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { type ListeningServer, listen } from '@grapevine/shared/http/listen.ts';
import { IdentitySigner } from '@grapevine/shared/identity/identity.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Random } from '@grapevine/shared/random.ts';
import express, { type Express } from 'express';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { createAdminServer } from './admin.ts';
import type { KeySet } from './auth/key-set.ts';
import { TokenVerifier } from './auth/token-verifier.ts';
import { exposeUpstreams, GatewayMetrics } from './gateway-metrics.ts';
import { KeyedRateLimiter } from './limits/rate-limiter.ts';
import { answerProtocolErrors, maxHeaderBytes } from './protocol-errors.ts';
import { routeTable } from './routes/route-table.ts';
import { accessLog } from './steps/access-log.ts';
import { answerProblem } from './steps/answer-problem.ts';
import { authenticate } from './steps/authenticate.ts';
import { authorize } from './steps/authorize.ts';
import { bodyLimit } from './steps/body-limit.ts';
import { Drain } from './steps/drain.ts';
import { forward } from './steps/forward.ts';
import { matchRoute } from './steps/match-route.ts';
import { limitAddress, limitPrincipal } from './steps/rate-limit.ts';
import { requestId } from './steps/request-id.ts';
import { securityHeaders } from './steps/security-headers.ts';
import { wellFormed } from './steps/well-formed.ts';
import { UpstreamPool } from './upstreams/upstream-pool.ts';

export interface GatewayDependencies {
  readonly config: GatewayConfig;
  /** Keys that callers' tokens are checked with. */
  readonly tokenKeys: KeySet;
  /** Key by which the gateway vouches for callers to the BFFs. */
  readonly edgeKey: Uint8Array;
  /** Whether browsers get the GraphiQL page without a token. */
  readonly graphiql: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
}

export interface Gateway extends Stoppable {
  readonly port: number;
  readonly adminPort: number;
}

/** Connections from clients at once; each costs about 20 KB and a file descriptor, of which a process usually may have more. */
const maxConnections = 20_000;
/** Connections that clients keep open without a request; above what browsers and proxies use, so that they close first. */
const keepAliveMs = 75_000;
/** Time for the headers alone, when the whole request may take longer. */
const headersMs = 10_000;
/** How often slow senders are looked for. */
const slowSenderCheckMs = 1_000;

/**
 * Starts the gateway and its admin listener; throws `PORT_TAKEN`. `stop` takes no new connections, ends event streams, lets
 * other requests finish until the drain deadline, and keeps the admin listener until then.
 */
export async function startGateway(dependencies: GatewayDependencies): Promise<Gateway> {
  const { config, clock, random, log, metrics } = dependencies;
  const upstreams = new UpstreamPool(
    config.upstreams,
    {
      upstreamTimeoutMs: config.upstreamTimeoutMs,
      maxBodyBytes: config.maxBodyBytes,
      maxInFlight: config.upstreamMaxInFlight,
      breaker: config.breaker,
    },
    random,
  );
  exposeUpstreams(metrics, upstreams);
  const { rateLimit } = config;
  const byAddress = new KeyedRateLimiter('address', rateLimit.address, rateLimit.maxKeys);
  const byPrincipal = new KeyedRateLimiter('principal', rateLimit.principal, rateLimit.maxKeys);
  const routes = routeTable({ graphiql: dependencies.graphiql });
  const drain = new Drain();

  const app = bareExpress();
  app.use(drain.step);
  app.use(requestId(random));
  app.use(accessLog(log, new GatewayMetrics(metrics), clock));
  app.use(securityHeaders());
  app.use(wellFormed());
  app.use(matchRoute(routes));
  app.use(bodyLimit(config.maxBodyBytes));
  app.use(limitAddress(byAddress));
  app.use(authenticate(new TokenVerifier(dependencies.tokenKeys, config.auth, clock)));
  app.use(authorize());
  app.use(limitPrincipal(byPrincipal));
  app.use(forward(upstreams, new IdentitySigner(dependencies.edgeKey, 'bff', clock)));
  app.use(answerProblem(log));

  const server = createHttpServer(app, config);
  answerProtocolErrors(server, log);
  const adminServer = createAdminServer({
    metrics,
    upstreams,
    routes,
    limiters: [byAddress, byPrincipal],
    maxBodyBytes: config.maxBodyBytes,
    isDraining: () => drain.draining,
  });
  const { http, admin } = await listenBoth(server, adminServer, config);
  return {
    name: 'gateway',
    port: http.port,
    adminPort: admin.port,
    stop: async () => {
      drain.begin();
      await http.stop();
      upstreams.close();
      await admin.stop();
    },
  };
}

/** Express with nothing in it that reads the body or the query: both belong to the upstream. */
function bareExpress(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  return app;
}

function createHttpServer(app: Express, config: GatewayConfig): Server {
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      requestTimeout: config.requestTimeoutMs,
      headersTimeout: Math.min(headersMs, config.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(slowSenderCheckMs, config.requestTimeoutMs),
      keepAliveTimeout: keepAliveMs,
      // Finds clients that vanished without a word while a stream to them is silent.
      keepAlive: true,
      noDelay: true,
      // Node's own answer to a missing Host has no body; a step of ours refuses it with a problem document.
      requireHostHeader: false,
    },
    app,
  );
  server.maxConnections = maxConnections;
  return server;
}

async function listenBoth(
  server: Server,
  adminServer: Server,
  config: GatewayConfig,
): Promise<{ http: ListeningServer; admin: ListeningServer }> {
  const http = await listen(server, {
    name: 'gateway',
    host: config.host,
    port: config.port,
    portFlag: '--base-port, or gateway.port in the configuration',
    drainMs: config.drainMs,
  });
  try {
    const admin = await listen(adminServer, {
      name: 'gateway admin',
      host: config.adminHost,
      port: config.adminPort,
      portFlag: '--base-port, or gateway.adminPort in the configuration',
      drainMs: 0,
    });
    return { http, admin };
  } catch (error) {
    await http.stop();
    throw error;
  }
}
