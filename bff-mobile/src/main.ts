import { parseArgs } from 'node:util';
import { loadConfig } from '@grapevine/shared/config/load.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { runUntilSignalled } from '@grapevine/shared/lifecycle.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { serviceName, startMobileService } from './service.ts';

/** `node main.ts [--config <file>]`: one line on standard error and exit 1 when it cannot start. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  const config = loadConfig({ file: values.config, environment: process.env });
  const log = createLogger({ name: serviceName, level: config.log.level });
  const { http, parts } = await startMobileService(config, log);
  runUntilSignalled(parts, log, process);
  log.info({ url: http.url }, 'ready');
  process.send?.({ type: 'ready', ports: { http: http.port } });
}

try {
  await main();
} catch (error) {
  // Our own errors say all that a user needs; anything else is a defect, and its stack is what helps.
  const known = error instanceof GrapevineError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(
    `${serviceName}: ${known === true ? (error as Error).message : ((error as Error).stack ?? error)}\n`,
  );
  process.exit(1);
}
