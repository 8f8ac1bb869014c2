import type { ConfigSources } from '@grapevine/shared/config/load.ts';
import type { Config } from '@grapevine/shared/config/schema.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import { startAdmin } from './admin.ts';
import { exposeCounting } from './gateway-metrics.ts';
import type { PointSource } from './limits/point-store.ts';
import { ConfigReload } from './reload/config-reload.ts';
import { watchConfig } from './reload/watch-config.ts';
import { type GatewayDependencies, startGateway } from './server.ts';

export interface LoneGateway extends Stoppable {
  readonly port: number;
  readonly adminPort: number;
  /** Looks now at the configuration and at the files that callers are checked against. Never throws. */
  reload(): Promise<void>;
}

/**
 * The gateway in one process, with its admin listener, which stays until the last request has ended. `whole` is the
 * configuration that `dependencies.config` is part of, read from `sources`. Throws as `startGateway` does.
 */
export async function startAlone(
  dependencies: Omit<GatewayDependencies, 'openPoints'>,
  points: PointSource,
  whole: Config,
  sources: ConfigSources,
): Promise<LoneGateway> {
  await using opened = new AsyncDisposableStack();
  const gateway = await startGateway({ ...dependencies, openPoints: points.open });
  const { clock, log, metrics, development } = dependencies;
  exposeCounting(metrics, points);
  const apply = async ({ gateway: next }: Config): Promise<void> => (await gateway.prepare(next)).commit();
  const config = new ConfigReload({ sources, config: whole, apply, clock, log, metrics });
  const admin = await startAdmin({
    config,
    development,
    metrics: () => metrics.metrics(),
    upstreams: async () => gateway.inForce.upstreams.status(),
    rates: async () => gateway.inForce.rates(),
    cache: async () => gateway.inForce.cache.status(),
    purge: async (purge) => gateway.inForce.cache.purge(purge),
    countedIn: () => points.countedIn,
    load: async () => gateway.inForce.load.status(),
    readiness: () => (gateway.draining ? 'draining' : 'ready'),
  }).catch(async (error: unknown) => {
    await gateway.stop();
    throw error;
  });
  opened.defer(() => admin.stop());
  opened.defer(() => gateway.stop());
  const watch = await watchConfig(config, sources, log);
  opened.defer(() => watch.stop());
  const running = opened.move();
  return {
    name: 'gateway',
    port: gateway.port,
    adminPort: admin.port,
    reload: async () => void (await Promise.allSettled([config.reload(), gateway.reloadFiles()])),
    stop: () => running.disposeAsync(),
  };
}
