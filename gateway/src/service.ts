import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { availableParallelism, platform } from 'node:os';
import { systemClock } from '@grapevine/shared/clock.ts';
import type { ConfigSources } from '@grapevine/shared/config/load.ts';
import type { Config, GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import { KeyFile } from '@grapevine/shared/identity/key-file.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { Service, StartedService } from '@grapevine/shared/run-service.ts';
import { openTracing } from '@grapevine/shared/tracing/open-tracing.ts';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { startAdmin } from './admin.ts';
import { startAlone } from './alone.ts';
import { openCredentials } from './auth/credentials.ts';
import { exposeCounting } from './gateway-metrics.ts';
import { memoryPoints, type PointSource } from './limits/point-store.ts';
import { ConfigReload } from './reload/config-reload.ts';
import { watchConfig } from './reload/watch-config.ts';
import { type GatewayDependencies, gatewayPortFlag, startGateway } from './server.ts';
import { Workers } from './workers/primary.ts';
import { pointsOfPrimary } from './workers/shared-points.ts';
import { Primary } from './workers/worker.ts';

const serviceName = 'gateway';

/** The service: in this process, or as several workers behind this process, or as one of those workers. */
export function gatewayService(): Service {
  if (!cluster.isWorker) return { name: serviceName, start: startGatewayService };
  const primary = new Primary();
  return {
    name: serviceName,
    loadConfig: () => primary.config(),
    start: (config, log) => startWorker(primary, config, log),
  };
}

/** Throws `CONFIG_INVALID` for unusable key files, `PORT_TAKEN` when it cannot listen. */
function startGatewayService(config: Config, log: Logger, sources: ConfigSources): Promise<StartedService> {
  const count = workerCount(config.gateway);
  return count === 1 ? startLone(config, log, sources) : startPrimary(count, config, log, sources);
}

/** Where the kernel spreads connections over the processes that listen on a port. */
const sharingPlatforms = ['linux', 'freebsd'];

function workerCount({ workers }: GatewayConfig): number {
  if (workers !== 'auto') return workers;
  return sharingPlatforms.includes(platform()) ? availableParallelism() : 1;
}

async function startLone(config: Config, log: Logger, sources: ConfigSources): Promise<StartedService> {
  await using opened = new AsyncDisposableStack();
  const { dependencies, keys } = await openDependencies(config, log, opened);
  const points = await openPoints(config.gateway, log);
  opened.defer(() => points.stop());
  const gateway = await startAlone({ ...dependencies, sharesPort: false }, points, config, sources);
  opened.defer(() => gateway.stop());
  const running = opened.move();
  return {
    parts: [{ name: serviceName, stop: () => running.disposeAsync() }],
    ports: { http: gateway.port, admin: gateway.adminPort },
    reload: async () => void (await Promise.all([keys.reload(), gateway.reload()])),
  };
}

async function startWorker(primary: Primary, config: Config, log: Logger): Promise<StartedService> {
  await using opened = new AsyncDisposableStack();
  const { dependencies, keys } = await openDependencies(config, log, opened);
  const openPoints = pointsOfPrimary(primary.dialogue);
  const gateway = await startGateway({ ...dependencies, sharesPort: true, openPoints });
  opened.defer(() => gateway.stop());
  primary.serve({
    report: async () => ({
      metrics: await dependencies.metrics.getMetricsAsJSON(),
      upstreams: gateway.inForce.upstreams.status(),
      rates: gateway.inForce.rates(),
      load: gateway.inForce.load.status(),
      cache: gateway.inForce.cache.status(),
    }),
    purge: async (purge) => gateway.inForce.cache.purge(purge),
    prepare: ({ gateway: next }) => gateway.prepare(next),
  });
  const running = opened.move();
  return {
    parts: [{ name: serviceName, stop: () => running.disposeAsync() }],
    ports: { http: gateway.port },
    reload: async () => void (await Promise.all([keys.reload(), gateway.reloadFiles()])),
  };
}

/** Takes no requests itself: keeps its workers running, counts the points of rates, answers operators. */
async function startPrimary(
  count: number,
  config: Config,
  log: Logger,
  sources: ConfigSources,
): Promise<StartedService> {
  const port = await freePort(config.gateway);
  const metrics = new Registry();
  await using opened = new AsyncDisposableStack();
  const points = await openPoints(config.gateway, log);
  opened.defer(() => points.stop());
  exposeCounting(metrics, points);
  const forWorkers = (one: Config): Config => ({ ...one, gateway: { ...one.gateway, port } });
  const workers = await Workers.start(count, { config: forWorkers(config), points: points.open, metrics, log });
  opened.defer(() => workers.stop());
  const apply = (next: Config): Promise<void> => workers.apply(forWorkers(next));
  const reload = new ConfigReload({ sources, config, apply, clock: systemClock, log, metrics });
  const watch = await watchConfig(reload, sources, log);
  opened.defer(() => watch.stop());
  const admin = await startAdmin({
    config: reload,
    development: isDevelopment(config),
    metrics: () => workers.metrics(),
    upstreams: () => workers.upstreams(),
    rates: () => workers.rates(),
    countedIn: () => points.countedIn,
    load: () => workers.load(),
    cache: () => workers.cache(),
    purge: (purge) => workers.purge(purge),
    readiness: () => (workers.stopping ? 'draining' : workers.running > 0 ? 'ready' : 'starting'),
  });
  const running = opened.move();
  return {
    // Stopped in the reverse order: operators can look on while the workers drain.
    parts: [admin, { name: 'gateway workers', stop: () => running.disposeAsync() }],
    ports: { http: port, admin: admin.port },
    reload: async () => {
      workers.reload();
      await Promise.allSettled([reload.reload()]);
    },
  };
}

/** Counted by this process alone, or in Redis for all gateways that use it. Workers ask their primary, so that it is the one to know. */
async function openPoints({ rateLimit }: GatewayConfig, log: Logger): Promise<PointSource> {
  if (rateLimit.redis === undefined) return memoryPoints;
  // Its library takes 100 ms to load.
  const { RedisPoints } = await import('./limits/redis-points.ts');
  return await RedisPoints.open(rateLimit.redis, log);
}

/**
 * The port for all workers. A port that somebody else listens on is refused here: two gateways that both ask the kernel to
 * share it would each get half of the requests without a word.
 */
async function freePort({ host, port }: GatewayConfig): Promise<number> {
  const probe = await listen(createServer(), { name: serviceName, host, port, portFlag: gatewayPortFlag, drainMs: 0 });
  await probe.stop();
  return probe.port;
}

/** What every process that takes requests needs; what it opens is closed with `opened`. */
async function openDependencies(
  config: Config,
  log: Logger,
  opened: AsyncDisposableStack,
): Promise<{ dependencies: Omit<GatewayDependencies, 'openPoints' | 'sharesPort'>; keys: KeyFile }> {
  const { edgeKeyFile: path, rotateAfterMs } = config.secrets;
  const keys = await KeyFile.open({ path, rotateAfterMs, clock: systemClock, log });
  opened.defer(() => keys.stop());
  const instance = instanceOf(config.gateway);
  const tracing = await openTracing(config.tracing, { name: serviceName, instance }, log);
  opened.defer(() => tracing?.stop());
  return {
    dependencies: {
      config: config.gateway,
      tracing,
      openCredentials: (auth) => openCredentials(auth, { clock: systemClock, log }),
      edgeKeys: keys.identityKeys('edge-identity'),
      development: isDevelopment(config),
      clock: systemClock,
      random: systemRandom,
      log,
      metrics: createMetrics(serviceName, instance),
    },
    keys,
  };
}

function instanceOf({ host, port }: GatewayConfig): string {
  return `${host}:${port}`;
}

function isDevelopment({ bffWeb }: Config): boolean {
  return bffWeb.mode === 'development';
}
