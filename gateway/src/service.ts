import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { availableParallelism, platform } from 'node:os';
import { systemClock } from '@grapevine/shared/clock.ts';
import type { Config, GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import { KeyFile } from '@grapevine/shared/identity/key-file.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { StartedService } from '@grapevine/shared/run-service.ts';
import { openTracing } from '@grapevine/shared/tracing/open-tracing.ts';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { startAdmin } from './admin.ts';
import { startAlone } from './alone.ts';
import { openCredentials } from './auth/credentials.ts';
import { exposeCounting } from './gateway-metrics.ts';
import { memoryPoints, type PointSource } from './limits/point-store.ts';
import { RedisPoints } from './limits/redis-points.ts';
import { RouteTable } from './routes/route-table.ts';
import { type GatewayDependencies, gatewayPortFlag, startGateway } from './server.ts';
import { Workers } from './workers/primary.ts';
import type { WorkerReport } from './workers/report.ts';
import { pointsOfPrimary } from './workers/shared-points.ts';
import { connectToPrimary } from './workers/worker.ts';

export const serviceName = 'gateway';

/**
 * Starts the service: in this process, or as several workers behind this process, or as one of those workers. Throws
 * `CONFIG_INVALID` for unusable key files, `PORT_TAKEN` when it cannot listen.
 */
export function startGatewayService(config: Config, log: Logger): Promise<StartedService> {
  if (cluster.isWorker) return startWorker(config, log);
  const count = workerCount(config.gateway);
  return count === 1 ? startLone(config, log) : startPrimary(count, config, log);
}

/** Where the kernel spreads connections over the processes that listen on a port. */
const sharingPlatforms = ['linux', 'freebsd'];

function workerCount({ workers }: GatewayConfig): number {
  if (workers !== 'auto') return workers;
  return sharingPlatforms.includes(platform()) ? availableParallelism() : 1;
}

async function startLone(config: Config, log: Logger): Promise<StartedService> {
  await using opened = new AsyncDisposableStack();
  const { dependencies, reload } = await openDependencies(config, log, opened);
  const points = await openPoints(config.gateway, log);
  opened.defer(() => points.stop());
  const gateway = await startAlone({ ...dependencies, sharesPort: false }, points);
  opened.defer(() => gateway.stop());
  const running = opened.move();
  return {
    parts: [{ name: serviceName, stop: () => running.disposeAsync() }],
    ports: { http: gateway.port, admin: gateway.adminPort },
    reload,
  };
}

async function startWorker(config: Config, log: Logger): Promise<StartedService> {
  await using opened = new AsyncDisposableStack();
  const { dependencies, reload } = await openDependencies(config, log, opened);
  const report = async (): Promise<WorkerReport> => ({
    metrics: await dependencies.metrics.getMetricsAsJSON(),
    upstreams: gateway.upstreams(),
    rates: gateway.rates(),
    load: gateway.load(),
    cache: gateway.cache.status(),
  });
  const primary = connectToPrimary(report, async (purge) => gateway.cache.purge(purge));
  const gateway = await startGateway({ ...dependencies, sharesPort: true, openPoints: pointsOfPrimary(primary) });
  opened.defer(() => gateway.stop());
  const running = opened.move();
  return {
    parts: [{ name: serviceName, stop: () => running.disposeAsync() }],
    ports: { http: gateway.port },
    reload,
  };
}

/** Takes no requests itself: keeps its workers running, counts the points of rates, answers operators. */
async function startPrimary(count: number, config: Config, log: Logger): Promise<StartedService> {
  const port = await freePort(config.gateway);
  const metrics = new Registry();
  await using opened = new AsyncDisposableStack();
  const points = await openPoints(config.gateway, log);
  opened.defer(() => points.stop());
  exposeCounting(metrics, points);
  const environment = { GRAPEVINE_GATEWAY__PORT: String(port) };
  const workers = await Workers.start(count, { environment, points: points.open, metrics, log });
  opened.defer(() => workers.stop());
  const admin = await startAdmin({
    routes: new RouteTable(config.gateway.routes, { development: isDevelopment(config) }),
    config: config.gateway,
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
    reload: async () => workers.reload(),
  };
}

/** Counted by this process alone, or in Redis for all gateways that use it. Workers ask their primary, so that it is the one to know. */
async function openPoints({ rateLimit }: GatewayConfig, log: Logger): Promise<PointSource> {
  return rateLimit.redis === undefined ? memoryPoints : await RedisPoints.open(rateLimit.redis, log);
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
): Promise<{ dependencies: Omit<GatewayDependencies, 'openPoints' | 'sharesPort'>; reload: () => Promise<void> }> {
  const { host, port, auth } = config.gateway;
  const { edgeKeyFile: path, rotateAfterMs } = config.secrets;
  const keys = await KeyFile.open({ path, rotateAfterMs, clock: systemClock, log });
  opened.defer(() => keys.stop());
  const tracing = await openTracing(config.tracing, { name: serviceName, instance: `${host}:${port}` }, log);
  opened.defer(() => tracing?.stop());
  const credentials = await openCredentials(auth, { clock: systemClock, log });
  opened.defer(() => credentials.stop());
  return {
    dependencies: {
      config: config.gateway,
      credentials,
      tracing,
      edgeKeys: keys.identityKeys('edge-identity'),
      development: isDevelopment(config),
      clock: systemClock,
      random: systemRandom,
      log,
      metrics: createMetrics(serviceName, `${host}:${port}`),
    },
    reload: async () => {
      await Promise.all([keys.reload(), credentials.reload()]);
    },
  };
}

function isDevelopment({ bffWeb }: Config): boolean {
  return bffWeb.mode === 'development';
}
