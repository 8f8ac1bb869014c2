import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { type ConfigSources, loadConfig } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { GrapevineError } from './errors/grapevine-error.ts';
import { type ProcessPort, runUntilSignalled, type Stoppable } from './lifecycle.ts';
import { createLogger } from './logging.ts';

/** A service that listens. */
export interface StartedService {
  /** What to stop, in the order of its start. */
  readonly parts: readonly Stoppable[];
  /** Looks again at files that may have changed, when the process gets a SIGHUP. Never throws. */
  readonly reload?: () => Promise<void>;
  /** Resolves, with the reason, when the service has to be started anew: it cannot go on as it is. */
  readonly ended?: Promise<string>;
  /** Ports by use, such as `{ http: 8081 }`: told to the supervisor. */
  readonly ports: Readonly<Record<string, number>>;
}

/** What a service's `main.ts` hands over of Node's `process`. */
export interface ServiceProcess extends ProcessPort {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stderr: { write(text: string): unknown };
  send?(message: unknown): unknown;
}

/** What to run. */
export interface Service {
  readonly name: string;
  /** The name in log lines when several of a kind run side by side; `name` when absent. */
  readonly instance?: (config: Config) => string;
  /** Where its configuration comes from; from file and environment when absent. */
  readonly loadConfig?: () => Promise<Config>;
  /** `sources`: what `config` was read from, for services that read it again. */
  start(config: Config, log: Logger, sources: ConfigSources): Promise<StartedService>;
}

/**
 * Runs one service as a process: `--config <file>` and the environment say how, a `ready` message tells the supervisor its
 * ports, signals stop it in order. A user's mistake ends in one line on standard error and exit code 1.
 */
export async function runService(service: Service, port: ServiceProcess): Promise<void> {
  let { name } = service;
  try {
    const { values } = parseArgs({ args: port.argv.slice(2), options: { config: { type: 'string' } } });
    const sources = { file: values.config, environment: port.env };
    const config = (await service.loadConfig?.()) ?? loadConfig(sources);
    name = service.instance?.(config) ?? name;
    const log = createLogger({ name, level: config.log.level });
    const { parts, ports, reload, ended } = await service.start(config, log, sources);
    runUntilSignalled(parts, log, port, ended);
    if (reload !== undefined) port.on('SIGHUP', () => void reload());
    log.info({ ports }, 'ready');
    port.send?.({ type: 'ready', ports });
  } catch (error) {
    port.stderr.write(`${name}: ${describe(error)}\n`);
    port.exit(1);
  }
}

/** Our own errors say all that a user needs; anything else is a defect, and its stack is what helps. */
function describe(error: unknown): string {
  if (error instanceof GrapevineError) return `${error.message} [${error.code}]`;
  if (!(error instanceof Error)) return String(error);
  const isWrongArgument = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true;
  return isWrongArgument ? error.message : (error.stack ?? error.message);
}
