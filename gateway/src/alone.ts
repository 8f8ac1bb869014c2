import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import { startAdmin } from './admin.ts';
import { exposeCounting } from './gateway-metrics.ts';
import type { PointSource } from './limits/point-store.ts';
import { type GatewayDependencies, startGateway } from './server.ts';

export interface LoneGateway extends Stoppable {
  readonly port: number;
  readonly adminPort: number;
}

/** The gateway in one process, with its admin listener, which stays until the last request has ended. Throws `PORT_TAKEN`. */
export async function startAlone(
  dependencies: Omit<GatewayDependencies, 'openPoints'>,
  points: PointSource,
): Promise<LoneGateway> {
  const gateway = await startGateway({ ...dependencies, openPoints: points.open });
  exposeCounting(dependencies.metrics, points);
  try {
    const admin = await startAdmin({
      routes: gateway.routes,
      config: dependencies.config,
      metrics: () => dependencies.metrics.metrics(),
      upstreams: async () => gateway.upstreams(),
      rates: async () => gateway.rates(),
      cache: async () => gateway.cache.status(),
      purge: async (purge) => gateway.cache.purge(purge),
      countedIn: () => points.countedIn,
      load: async () => gateway.load(),
      readiness: () => (gateway.draining ? 'draining' : 'ready'),
    });
    return {
      name: 'gateway',
      port: gateway.port,
      adminPort: admin.port,
      stop: async () => {
        await gateway.stop();
        await admin.stop();
      },
    };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}
