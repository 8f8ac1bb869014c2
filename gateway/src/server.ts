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
import type { OpenCredentials } from './auth/credentials.ts';
import { StreamWatch } from './auth/stream-watch.ts';
import { TokenVerifier } from './auth/token-verifier.ts';
import { AnswerCache } from './cache/answer-cache.ts';
import { createEdgeApp } from './edge-app.ts';
import { allowTime, createEdgeServer } from './edge-server.ts';
import { exposeCache, exposeLimits, exposeLoad, exposeUpstreams, GatewayMetrics } from './gateway-metrics.ts';
import { Generation, type GenerationParts } from './generation.ts';
import { Leases } from './leases.ts';
import { ApiKeyRates } from './limits/api-key-rates.ts';
import type { OpenPointStore, Rate } from './limits/point-store.ts';
import { KeyedRateLimiter, type RateStatus } from './limits/rate-limiter.ts';
import { limitConnections } from './load/connection-limit.ts';
import { LoadLimits } from './load/load-limits.ts';
import { answerProtocolErrors } from './protocol-errors.ts';
import type { Step } from './request-context.ts';
import type { Route } from './routes/route.ts';
import { RouteTable } from './routes/route-table.ts';
import { accessLog } from './steps/access-log.ts';
import { answerProblem } from './steps/answer-problem.ts';
import { authenticate } from './steps/authenticate.ts';
import { authorize } from './steps/authorize.ts';
import { bodyLimit } from './steps/body-limit.ts';
import { cacheAnswers } from './steps/cache.ts';
import { cors } from './steps/cors.ts';
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
import { openEdgeCertificates } from './tls/edge-certificates.ts';
import { Discovery } from './upstreams/discovery.ts';
import { Forwarder } from './upstreams/forwarder.ts';
import { UpstreamFleet } from './upstreams/upstream-fleet.ts';
import { UpstreamPool } from './upstreams/upstream-pool.ts';
import { takeUpgrades } from './websocket/upgrades.ts';

export interface GatewayDependencies {
  readonly config: GatewayConfig;
  /** Opens what callers are checked against. */
  openCredentials(auth: GatewayConfig['auth']): Promise<OpenCredentials>;
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

/** A configuration that everything is ready for. One of the two has to be called, once. */
export interface PreparedChange {
  /** Every request that comes from now on passes it. */
  commit(): void;
  /** Lets go what was made ready. */
  abort(): void;
}

export interface Gateway extends Stoppable {
  readonly port: number;
  readonly inForce: GenerationParts;
  readonly draining: boolean;
  /** Looks again at certificates and at the files that callers are checked against. */
  reloadFiles(): Promise<void>;
  /**
   * Makes everything ready for another configuration, and changes nothing. Throws `CONFIG_INVALID` when it needs a file that
   * cannot be used.
   */
  prepare(config: GatewayConfig): Promise<PreparedChange>;
}

/** What a user changes to get another port. */
export const gatewayPortFlag = '--base-port, or gateway.port in the configuration';

/** Connections that are idle when the gateway leaves: long enough for the requests that are on their way on them. */
const idleGraceMs = 1_000;

/**
 * Starts the gateway; throws `PORT_TAKEN`, and `CONFIG_INVALID` for files that cannot be used. `stop` takes no new
 * connections, ends event streams and WebSockets, lets other requests finish until the drain deadline and cuts what is still
 * open then.
 */
export async function startGateway(dependencies: GatewayDependencies): Promise<Gateway> {
  const { config, log, metrics } = dependencies;
  const lasting = lastingParts(dependencies);
  const { inTurn, drain, fleet } = lasting;
  const certificates = config.tls === undefined ? undefined : await openEdgeCertificates(config.tls, log);
  let inForce = await openGeneration(config, dependencies, lasting);
  exposeUpstreams(metrics, () => inForce.parts.upstreams.status());
  exposeLimits(metrics, () => inForce.parts.rates());
  exposeCache(metrics, () => inForce.parts.cache.status());

  const app = createEdgeApp(() => inForce, answerProblem(log));
  const server = createEdgeServer(app, config, certificates);
  takeUpgrades(server, inTurn, app);
  answerProtocolErrors(server, inTurn, log);
  exposeLoad(metrics, () => inForce.parts.load.status(), limitConnections(server, config));
  try {
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
      get inForce() {
        return inForce.parts;
      },
      get draining() {
        return drain.draining;
      },
      reloadFiles: async () => {
        await Promise.all([certificates?.reload(), inForce.parts.reloadCredentials()]);
      },
      prepare: async (next) => {
        const generation = await openGeneration(next, dependencies, lasting);
        return {
          commit: () => {
            const before = inForce;
            inForce = generation;
            allowTime(server, next);
            before.retire();
          },
          abort: () => generation.retire(),
        };
      },
      stop: async () => {
        drain.begin();
        const deadline = setTimeout(() => drain.cut(), config.drainMs);
        await http.stop();
        clearTimeout(deadline);
        inForce.retire();
        fleet.close();
        await certificates?.stop();
      },
    };
  } catch (error) {
    inForce.retire();
    await certificates?.stop();
    throw error;
  }
}

/** What outlives a change of the configuration. */
interface LastingParts {
  readonly inTurn: InTurn;
  readonly drain: Drain;
  readonly requestMetrics: GatewayMetrics;
  readonly fleet: UpstreamFleet;
  readonly discovery: Discovery;
  readonly guards: Leases<Promise<Guard>>;
  readonly limiters: Leases<KeyedRateLimiter>;
  readonly apiKeyRates: Leases<ApiKeyRates>;
  readonly caches: Leases<AnswerCache>;
  readonly loads: Leases<LoadLimits>;
}

/** What callers are checked against, with what is remembered of them. */
interface Guard {
  readonly credentials: OpenCredentials;
  readonly tokens: TokenVerifier;
  readonly apiKeys: ApiKeyVerifier;
  readonly streams: StreamWatch;
}

function lastingParts({ clock, random, log, metrics }: GatewayDependencies): LastingParts {
  const closeGuard = async (guard: Promise<Guard>): Promise<void> => (await guard).credentials.stop();
  return {
    inTurn: new InTurn(),
    drain: new Drain(),
    requestMetrics: new GatewayMetrics(metrics),
    fleet: new UpstreamFleet({ clock, random }),
    discovery: new Discovery(log),
    guards: new Leases((guard) => {
      // One that could not be opened has nothing to close; whoever opened it has been told.
      closeGuard(guard).catch((error: unknown) => log.debug({ err: error }, 'credentials are closed'));
    }),
    limiters: new Leases(),
    apiKeyRates: new Leases(),
    caches: new Leases(),
    loads: new Leases((load) => load.stop()),
  };
}

/** Makes everything that a configuration needs. Throws `CONFIG_INVALID` for files that cannot be used. */
async function openGeneration(
  config: GatewayConfig,
  dependencies: GatewayDependencies,
  lasting: LastingParts,
): Promise<Generation> {
  const { development, clock, random, log, openPoints, tracing } = dependencies;
  const { auth, rateLimit } = config;
  using leases = new DisposableStack();
  const openGuard = async (): Promise<Guard> => {
    const credentials = await dependencies.openCredentials(auth);
    const tokens = new TokenVerifier(credentials, auth, clock);
    const apiKeys = new ApiKeyVerifier(credentials, clock);
    return { credentials, tokens, apiKeys, streams: new StreamWatch(tokens, apiKeys) };
  };
  const { credentials, tokens, apiKeys, streams } = await leases.use(
    lasting.guards.lease(JSON.stringify(auth), openGuard),
  ).value;

  const routes = new RouteTable(config.routes, { development });
  const { retry, breaker, ejection, healthCheck } = config;
  const times = { connectMs: config.upstreamTimeoutMs, maxInFlight: config.upstreamMaxInFlight };
  const poolOptions = { ...times, retry, breaker, ejection, healthCheck };
  const sources = await lasting.discovery.leaseAll(config.upstreams, leases);
  const upstreams = leases.use(new UpstreamPool(sources, poolOptions, lasting.fleet, { clock, random }));
  const limiter = (name: string, rate: Rate): KeyedRateLimiter => {
    const make = (): KeyedRateLimiter => new KeyedRateLimiter(name, rate, rateLimit.maxKeys, openPoints);
    return leases.use(lasting.limiters.lease(JSON.stringify([name, rate, rateLimit.maxKeys]), make)).value;
  };
  const byAddress = limiter('address', rateLimit.address);
  const byPrincipal = limiter('principal', rateLimit.principal);
  const byRoute = routeLimiters(routes, limiter);
  const { maxKeys } = rateLimit;
  const makeApiKeyRates = (): ApiKeyRates => new ApiKeyRates(maxKeys, openPoints);
  const byApiKey = leases.use(lasting.apiKeyRates.lease(String(maxKeys), makeApiKeyRates)).value;
  const rates = (): readonly RateStatus[] =>
    [byAddress, byPrincipal, ...byApiKey.limiters, ...byRoute.values()].map((limiter) => limiter.status());
  const signer = new IdentitySigner(dependencies.edgeKeys, 'bff', clock);
  const forwarder = new Forwarder(upstreams, signer, config, clock);
  // What an answer was for, and where it came from, must be the same.
  const cacheKey = JSON.stringify([config.cache, config.routes, config.upstreams, poolOptions]);
  const cache = leases.use(lasting.caches.lease(cacheKey, () => new AnswerCache(config.cache, clock))).value;
  const load = leases.use(lasting.loads.lease(JSON.stringify(config.load), () => new LoadLimits(config.load))).value;

  const steps: readonly Step[] = [
    lasting.inTurn.step,
    lasting.drain.step,
    traceRequest(tracing),
    requestId(random),
    accessLog(log, lasting.requestMetrics, clock),
    securityHeaders(config.tls?.hstsSeconds ?? 0),
    ipAccess(config.ipAccess),
    wellFormed(),
    cors(config.cors),
    matchRoute(routes),
    bodyLimit(config.maxBodyBytes),
    limitAddress(byAddress),
    authenticate(tokens, apiKeys, streams),
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
  const reloadCredentials = (): Promise<void> => credentials.reload();
  const parts = { config, routes, upstreams, rates, load, cache, steps, reloadCredentials };
  return new Generation(parts, leases.move());
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
