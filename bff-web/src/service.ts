import { systemClock } from '@grapevine/shared/clock.ts';
import { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { IdentitySigner, IdentityVerifier } from '@grapevine/shared/identity/identity.ts';
import { readKeyFile } from '@grapevine/shared/identity/keys.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { StartedService } from '@grapevine/shared/run-service.ts';
import type { Logger } from 'pino';
import { WebMetrics } from './metrics.ts';
import { startWebServer } from './server.ts';

export const serviceName = 'bff-web';

/** Starts the service; throws `CONFIG_INVALID` for unusable key files, `PORT_TAKEN` when it cannot listen. */
export async function startWebService(config: Config, log: Logger): Promise<StartedService> {
  const { host, port, seeds, requestTimeoutMs } = config.bffWeb;
  const { edgeKeyFile, clusterKeyFile } = config.secrets;
  const clock = systemClock;
  const verifier = new IdentityVerifier(readKeyFile(edgeKeyFile, 'edge-identity'), 'bff', clock);
  const signer = new IdentitySigner(readKeyFile(clusterKeyFile, 'node-identity'), 'node', clock);
  const registry = createMetrics(serviceName, `${host}:${port}`);
  const metrics = new WebMetrics(registry);
  const cluster = new ClusterClient({
    name: serviceName,
    seeds,
    signer,
    clock,
    random: systemRandom,
    requestTimeoutMs,
    onAttempt: metrics.timeAttempt,
  });
  try {
    const server = { cluster, verifier, clock, log, registry, metrics, config: config.bffWeb };
    const http = await startWebServer(server, serviceName);
    return { parts: [cluster, http], ports: { http: http.port } };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
