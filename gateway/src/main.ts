import { parseArgs } from 'node:util';
import { systemClock } from '@grapevine/shared/clock.ts';
import { loadConfig } from '@grapevine/shared/config/load.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { readKeyFile } from '@grapevine/shared/identity/keys.ts';
import { runUntilSignalled } from '@grapevine/shared/lifecycle.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { readKeySet } from './auth/key-set.ts';
import { startGateway } from './server.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const config = loadConfig({ file: values.config, environment: process.env });
  const log = createLogger({ name: 'gateway', level: config.log.level });
  const gateway = await startGateway({
    config: config.gateway,
    tokenKeys: await readKeySet(config.gateway.auth.jwksFile),
    edgeKey: readKeyFile(config.secrets.edgeKeyFile, 'edge-identity'),
    graphiql: config.bffWeb.mode === 'development',
    clock: systemClock,
    random: systemRandom,
    log,
    metrics: createMetrics('gateway', `${config.gateway.host}:${config.gateway.port}`),
  });
  runUntilSignalled([gateway], log, process);
  const ports = { http: gateway.port, admin: gateway.adminPort };
  log.info({ ports }, 'ready');
  process.send?.({ type: 'ready', ports });
}

main().catch((error: unknown) => {
  process.stderr.write(`gateway: ${explain(error)}\n`);
  process.exit(1);
});

/** What a user can mend gets one line; anything else is a defect and shows where it is. */
function explain(error: unknown): string {
  if (error instanceof GrapevineError) return `${error.message} [${error.code}]`;
  if (!(error instanceof Error)) return String(error);
  return String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
    ? error.message
    : String(error.stack);
}
