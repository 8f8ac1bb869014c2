import { systemClock } from '@grapevine/shared/clock.ts';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { KeyFile } from '@grapevine/shared/identity/key-file.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { StartedService } from '@grapevine/shared/run-service.ts';
import type { Logger } from 'pino';
import { openCredentials } from './auth/credentials.ts';
import { startGateway } from './server.ts';

export const serviceName = 'gateway';

/** Starts the service; throws `CONFIG_INVALID` for unusable key files, `PORT_TAKEN` when it cannot listen. */
export async function startGatewayService(config: Config, log: Logger): Promise<StartedService> {
  const { host, port, auth } = config.gateway;
  const { edgeKeyFile: path, rotateAfterMs } = config.secrets;
  const keys = await KeyFile.open({ path, rotateAfterMs, clock: systemClock, log });
  await using opened = new AsyncDisposableStack();
  opened.defer(() => keys.stop());
  const credentials = await openCredentials(auth, { clock: systemClock, log });
  opened.defer(() => credentials.stop());
  const gateway = await startGateway({
    config: config.gateway,
    credentials,
    edgeKeys: keys.identityKeys('edge-identity'),
    development: config.bffWeb.mode === 'development',
    clock: systemClock,
    random: systemRandom,
    log,
    metrics: createMetrics(serviceName, `${host}:${port}`),
  });
  opened.defer(() => gateway.stop());
  const running = opened.move();
  return {
    parts: [{ name: serviceName, stop: () => running.disposeAsync() }],
    ports: { http: gateway.port, admin: gateway.adminPort },
    reload: async () => {
      await Promise.all([keys.reload(), credentials.reload()]);
    },
  };
}
