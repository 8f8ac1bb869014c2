import { systemClock } from '@grapevine/shared/clock.ts';
import { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { listen } from '@grapevine/shared/http/listen.ts';
import { openBffKeys } from '@grapevine/shared/identity/bff-keys.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { StartedService } from '@grapevine/shared/run-service.ts';
import { openTracing } from '@grapevine/shared/tracing/open-tracing.ts';
import type { Logger } from 'pino';
import { Histogram } from 'prom-client';
import { createMobileServer } from './server.ts';

export const serviceName = 'bff-mobile';

/** Requests in flight may take this long after a signal: below the 9 s in which the whole process stops. */
const drainMs = 5_000;

/** Starts the service; throws `CONFIG_INVALID` for unusable key files, `PORT_TAKEN` when it cannot listen. */
export async function startMobileService(config: Config, log: Logger): Promise<StartedService> {
  const { host, port, seeds, nodeTls, requestTimeoutMs, maxRequestBytes } = config.bffMobile;
  const clock = systemClock;
  await using opened = new AsyncDisposableStack();
  const keys = opened.use(await openBffKeys(config.secrets, nodeTls, clock, log));
  const { verifier, signer, tls } = keys;
  const registry = createMetrics(serviceName, `${host}:${port}`);
  const tracing = await openTracing(config.tracing, { name: serviceName, instance: `${host}:${port}` }, log);
  opened.defer(() => tracing?.stop());
  const attempts = new Histogram({
    name: 'grapevine_node_call_duration_seconds',
    help: 'Time of one call to one node, by its outcome.',
    labelNames: ['node', 'outcome'] as const,
    registers: [registry],
  });
  const client = new ClusterClient({
    name: serviceName,
    seeds,
    signer,
    clock,
    random: systemRandom,
    tls,
    requestTimeoutMs,
    onAttempt: ({ node, outcome, ms }) => attempts.observe({ node, outcome }, ms / 1_000),
  });
  opened.defer(() => client.stop());
  const changes = client.followChanges();
  const server = createMobileServer({ client, changes, verifier, clock, log, registry, maxRequestBytes, tracing });
  const portFlag = 'bffMobile.port or --base-port';
  const http = await listen(server, { name: serviceName, host, port, portFlag, drainMs });
  opened.defer(() => http.stop());
  opened.defer(() => changes.stop());
  const running = opened.move();
  return {
    parts: [{ name: serviceName, stop: () => running.disposeAsync() }],
    ports: { http: http.port },
    reload: () => keys.reload(),
  };
}
