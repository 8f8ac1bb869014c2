import { createServer } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import { IdentitySigner } from '@grapevine/shared/identity/identity.ts';
import type { IdentityKeys } from '@grapevine/shared/identity/identity-keys.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { Tracing } from '@grapevine/shared/tracing/tracing.ts';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { ApiKeyVerifier } from './auth/api-keys.ts';
import type { Credentials } from './auth/credentials.ts';
import { TokenVerifier } from './auth/token-verifier.ts';
import { AnswerCache } from './cache/answer-cache.ts';
import { createEdgeApp, EdgeResponse } from './edge-app.ts';
import { exposeCache, exposeLimits, exposeLoad, exposeUpstreams, GatewayMetrics } from './gateway-metrics.ts';
import { ApiKeyRates } from './limits/api-key-rates.ts';
import type { OpenPointStore, Rate } from './limits/point-store.ts';
import { KeyedRateLimiter, type RateStatus } from './limits/rate-limiter.ts';
import { limitConnections } from './load/connection-limit.ts';
import { LoadLimits, type LoadStatus } from './load/load-limits.ts';
import { answerProtocolErrors, type EdgeServer, maxHeaderBytes } from './protocol-errors.ts';
import { EdgeRequest, type Step } from './request-context.ts';
import type { Route } from './routes/route.ts';
import { RouteTable } from './routes/route-table.ts';
import { accessLog } from './steps/access-log.ts';
import { answerProblem } from './steps/answer-problem.ts';
import { authenticate } from './steps/authenticate.ts';
import { authorize } from './steps/authorize.ts';
import { bodyLimit } from './steps/body-limit.ts';
import { cacheAnswers } from './steps/cache.ts';
import { Drain } from './steps/drain.ts';
import { forward } from './steps/forward.ts';
import { InTurn } from './steps/in-turn.ts';
import { ipAccess } from './steps/ip-access.ts';
import { matchRoute } from './steps/match-route.ts';
import { limitAddress, limitPrincipal, limitRoute } from './steps/rate-limit.ts';
import { requestId } from './steps/request-id.ts';
import { securityHeaders } from './steps/security-headers.ts';
import { shedLoad } from './steps/shed-load.ts';
import { traceRequest } from './steps/trace-request.ts';
import { wellFormed } from './steps/well-formed.ts';
import { Forwarder } from './upstreams/forwarder.ts';
import { UpstreamPool, type UpstreamStatus } from './upstreams/upstream-pool.ts';
import { asksForWebSocket, takeUpgrades } from './websocket/upgrades.ts';

export interface GatewayDependencies {
  readonly config: GatewayConfig;
  /** What callers are checked against. */
  readonly credentials: Credentials;
  /** Keys by which the gateway vouches for callers to the BFFs. */
  readonly edgeKeys: IdentityKeys;
  /** Whether routes for development are there. */
  readonly development: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Where spans go; undefined where nothing is traced. */
  readonly tracing: Tracing | undefined;
  /** Whether other workers listen on the same port. */
  readonly sharesPort: boolean;
  /** Where the points of rates are counted. */
  readonly openPoints: OpenPointStore;
}

export interface Gateway extends Stoppable {
  readonly port: number;
  readonly routes: RouteTable;
  readonly draining: boolean;
  readonly cache: AnswerCache;
  upstreams(): readonly UpstreamStatus[];
  rates(): readonly RateStatus[];
  load(): LoadStatus;
}

/** What a user changes to get another port. */
export const gatewayPortFlag = '--base-port, or gateway.port in the configuration';

/** Connections that clients keep open without a request; above what browsers and proxies use, so that they close first. */
const keepAliveMs = 75_000;
/** Time for the headers alone, when the whole request may take longer. */
const headersMs = 10_000;
/** Connections that are idle when the gateway leaves: long enough for the requests that are on their way on them. */
const idleGraceMs = 1_000;
/** How often slow senders are looked for. */
const slowSenderCheckMs = 1_000;

/**
 * Starts the gateway; throws `PORT_TAKEN`. `stop` takes no new connections, ends event streams and WebSockets, lets other
 * requests finish until the drain deadline and cuts what is still open then.
 */
export async function startGateway(dependencies: GatewayDependencies): Promise<Gateway> {
  const { config, credentials, development, clock, random, log, metrics, openPoints, tracing } = dependencies;
  const routes = new RouteTable(config.routes, { development });
  const upstreams = new UpstreamPool(
    config.upstreams,
    {
      connectMs: config.upstreamTimeoutMs,
      maxInFlight: config.upstreamMaxInFlight,
      breaker: config.breaker,
      ejection: config.ejection,
      retry: config.retry,
      healthCheck: config.healthCheck,
    },
    { clock, random },
  );
  exposeUpstreams(metrics, upstreams);
  const { rateLimit } = config;
  const limiter = (name: string, rate: Rate): KeyedRateLimiter =>
    new KeyedRateLimiter(name, rate, rateLimit.maxKeys, openPoints);
  const byAddress = limiter('address', rateLimit.address);
  const byPrincipal = limiter('principal', rateLimit.principal);
  const byRoute = routeLimiters(routes, limiter);
  const byApiKey = new ApiKeyRates(rateLimit.maxKeys, openPoints);
  const rates = (): readonly RateStatus[] =>
    [byAddress, byPrincipal, ...byApiKey.limiters, ...byRoute.values()].map((limiter) => limiter.status());
  exposeLimits(metrics, rates);
  const forwarder = new Forwarder(upstreams, new IdentitySigner(dependencies.edgeKeys, 'bff', clock), config, clock);
  const cache = new AnswerCache(config.cache, clock);
  exposeCache(metrics, () => cache.status());
  const load = new LoadLimits(config.load);
  const inTurn = new InTurn();
  const drain = new Drain();

  const steps: readonly Step[] = [
    inTurn.step,
    drain.step,
    traceRequest(tracing),
    requestId(random),
    accessLog(log, new GatewayMetrics(metrics), clock),
    securityHeaders(),
    ipAccess(config.ipAccess),
    wellFormed(),
    matchRoute(routes),
    bodyLimit(config.maxBodyBytes),
    limitAddress(byAddress),
    authenticate(new TokenVerifier(credentials, config.auth, clock), new ApiKeyVerifier(credentials, clock)),
    authorize(),
    shedLoad(load, random),
    limitPrincipal({
      principal: byPrincipal,
      apiKeys: byApiKey,
      costPerRequest: rateLimit.costPerRequest,
    }),
    limitRoute(byRoute),
    cacheAnswers(cache, forwarder, clock),
    forward(forwarder, clock),
  ];

  const app = createEdgeApp(steps, answerProblem(log));
  const server = createHttpServer(app, config);
  takeUpgrades(server, inTurn, app);
  answerProtocolErrors(server, inTurn, log);
  exposeLoad(metrics, () => load.status(), limitConnections(server, config));
  const http = await listen(server, {
    name: 'gateway',
    host: config.host,
    port: config.port,
    portFlag: gatewayPortFlag,
    drainMs: config.drainMs,
    idleGraceMs: Math.min(idleGraceMs, config.drainMs / 2),
    reusePort: dependencies.sharesPort,
  });
  return {
    name: 'gateway',
    port: http.port,
    routes,
    cache,
    get draining() {
      return drain.draining;
    },
    upstreams: () => upstreams.status(),
    rates,
    load: () => load.status(),
    stop: async () => {
      drain.begin();
      const deadline = setTimeout(() => drain.cut(), config.drainMs);
      await http.stop();
      clearTimeout(deadline);
      upstreams.close();
      load.stop();
    },
  };
}

/** Routes with a rate of their own. */
function routeLimiters(
  { routes }: RouteTable,
  limiter: (name: string, rate: Rate) => KeyedRateLimiter,
): ReadonlyMap<Route, KeyedRateLimiter> {
  return new Map(
    routes.flatMap((route) => {
      const { name, rate } = route.config;
      return rate === undefined ? [] : [[route, limiter(`route:${name}`, rate)] as const];
    }),
  );
}

function createHttpServer(
  app: (request: EdgeRequest, response: EdgeResponse) => void,
  config: GatewayConfig,
): EdgeServer {
  const server = createServer(
    {
      IncomingMessage: EdgeRequest,
      ServerResponse: EdgeResponse,
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
      // Most requests have no body: nobody needs a stream that announces its end.
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: asksForWebSocket,
    },
    app,
  );
  server.maxConnections = config.maxConnections;
  return server;
}
