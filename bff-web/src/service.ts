import { systemClock } from '@grapevine/shared/clock.ts';
import { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { openBffKeys } from '@grapevine/shared/identity/bff-keys.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { StartedService } from '@grapevine/shared/run-service.ts';
import { openTracing } from '@grapevine/shared/tracing/open-tracing.ts';
import type { Logger } from 'pino';
import { FigureRing } from './history/figures.ts';
import { Sampler } from './history/sampler.ts';
import { WebMetrics } from './metrics.ts';
import { startWebServer } from './server.ts';

export const serviceName = 'bff-web';

/** Starts the service; throws `CONFIG_INVALID` for unusable key files, `PORT_TAKEN` when it cannot listen. */
export async function startWebService(config: Config, log: Logger): Promise<StartedService> {
  const { host, port, seeds, nodeTls, requestTimeoutMs } = config.bffWeb;
  const clock = systemClock;
  await using opened = new AsyncDisposableStack();
  const keys = opened.use(await openBffKeys(config.secrets, nodeTls, clock, log));
  const { verifier, signer, tls } = keys;
  const registry = createMetrics(serviceName, `${host}:${port}`);
  const tracing = await openTracing(config.tracing, { name: serviceName, instance: `${host}:${port}` }, log);
  opened.defer(() => tracing?.stop());
  const metrics = new WebMetrics(registry);
  const cluster = new ClusterClient({
    name: serviceName,
    seeds,
    signer,
    clock,
    random: systemRandom,
    tls,
    requestTimeoutMs,
    onAttempt: metrics.timeAttempt,
  });
  opened.defer(() => cluster.stop());
  const changes = cluster.followChanges();
  opened.defer(() => changes.stop());
  const figures = new FigureRing();
  const sampler = new Sampler({ cluster, gatewayMetrics: config.bffWeb.gatewayMetrics, clock, ring: figures });
  opened.defer(() => sampler.stop());
  const server = { cluster, figures, changes, verifier, clock, log, registry, metrics, config: config.bffWeb, tracing };
  const http = await startWebServer(server, serviceName);
  opened.defer(() => http.stop());
  const running = opened.move();
  return {
    parts: [{ name: serviceName, stop: () => running.disposeAsync() }],
    ports: { http: http.port },
    reload: () => keys.reload(),
  };
}
