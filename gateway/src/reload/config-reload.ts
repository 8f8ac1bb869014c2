import { createHash } from 'node:crypto';
import type { Clock } from '@grapevine/shared/clock.ts';
import { type ConfigChange, configChanges } from '@grapevine/shared/config/changes.ts';
import { type ConfigProblem, type ConfigSources, checkConfig } from '@grapevine/shared/config/load.ts';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import { gatewayPart, waitsForStart, withOptionsAtStart } from './options-at-start.ts';

/** What a look at the configuration found. */
export interface ReloadReport {
  /** Of the configuration in force now. */
  readonly version: number;
  /** What is in force from now on. */
  readonly applied: readonly ConfigChange[];
  /** What stands in the file but counts only after a restart. */
  readonly waitingForRestart: readonly ConfigChange[];
}

/** What the admin listener shows of the configuration. */
export interface ConfigStatus extends ReloadReport {
  readonly file: string | undefined;
  /** Equal for gateways with equal options. */
  readonly hash: string;
  readonly inForceSince: string;
  /** The last look at the file, if it was refused. */
  readonly refused: { readonly at: string; readonly problems: readonly ConfigProblem[] } | undefined;
}

export interface ConfigReloadOptions {
  readonly sources: ConfigSources;
  /** What the process was started with. */
  readonly config: Config;
  /** Puts a configuration in force everywhere or nowhere; throws `CONFIG_INVALID` when it cannot. */
  readonly apply: (config: Config) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** Reads the configuration again while the gateway runs: all of it is put in force, or none. */
export class ConfigReload {
  readonly #options: ConfigReloadOptions;
  readonly #count: Counter<'outcome'>;
  #last: ReloadReport = { version: 1, applied: [], waitingForRestart: [] };
  #inForce: Config;
  #sinceMs: number;
  #refused: ConfigStatus['refused'];
  /** Looks follow each other; the last one that was begun. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigReloadOptions) {
    this.#options = options;
    this.#inForce = options.config;
    this.#sinceMs = options.clock.wallMs();
    this.#count = this.#expose(options.metrics);
  }

  /** The configuration in force. */
  get inForce(): Config {
    return this.#inForce;
  }

  status(): ConfigStatus {
    return {
      ...this.#last,
      file: this.#options.sources.file,
      hash: createHash('sha256').update(JSON.stringify(this.#inForce.gateway)).digest('hex').slice(0, 16),
      inForceSince: new Date(this.#sinceMs).toISOString(),
      refused: this.#refused,
    };
  }

  /** Looks at the file now. Throws `RELOAD_REFUSED` with every problem; what was in force then stays in force. */
  reload(): Promise<ReloadReport> {
    const look = this.#turn.then(() => this.#look());
    this.#turn = look.catch(() => {});
    return look;
  }

  async #look(): Promise<ReloadReport> {
    const { log } = this.#options;
    try {
      const report = await this.#take(this.#read());
      this.#last = report;
      this.#refused = undefined;
      this.#count.inc({ outcome: report.applied.length > 0 ? 'applied' : 'unchanged' });
      log.info(report, report.applied.length > 0 ? 'the configuration has changed' : 'the configuration is as before');
      return report;
    } catch (error) {
      const problems = problemsOf(error);
      this.#refused = { at: new Date(this.#options.clock.wallMs()).toISOString(), problems };
      this.#count.inc({ outcome: 'refused' });
      log.error({ problems }, 'the configuration is refused; what was in force before stays in force');
      const lines = problems.map(({ place, message }) => `${place}: ${message}`);
      throw new GrapevineError('RELOAD_REFUSED', lines.join('\n'), {
        extensions: { problems, version: this.#last.version },
        cause: error,
      });
    }
  }

  #read(): Config {
    const { config, problems } = checkConfig(this.#options.sources);
    if (config !== undefined) return config;
    throw new GrapevineError('CONFIG_INVALID', 'The configuration has problems.', { extensions: { problems } });
  }

  async #take(next: Config): Promise<ReloadReport> {
    const { config: started, apply, clock } = this.#options;
    const changes = configChanges(gatewayPart(this.#inForce), gatewayPart(next));
    const applied = changes.filter(({ path }) => !waitsForStart(path));
    const waitingForRestart = changes.filter(({ path }) => waitsForStart(path));
    const { version } = this.#last;
    if (applied.length === 0) return { version, applied, waitingForRestart };
    const wanted = withOptionsAtStart(next, started);
    await apply(wanted);
    this.#inForce = wanted;
    this.#sinceMs = clock.wallMs();
    return { version: version + 1, applied, waitingForRestart };
  }

  #expose(metrics: Registry): Counter<'outcome'> {
    const registers = [metrics];
    const version = (): number => this.#last.version;
    const isRefused = (): boolean => this.#refused !== undefined;
    new Gauge({
      name: 'grapevine_gateway_config_version',
      help: 'How many configurations have been in force since the start.',
      registers,
      collect() {
        this.set(version());
      },
    });
    new Gauge({
      name: 'grapevine_gateway_config_refused',
      help: '1 while the configuration file was refused when it was last read, else 0.',
      registers,
      collect() {
        this.set(isRefused() ? 1 : 0);
      },
    });
    return new Counter({
      name: 'grapevine_gateway_config_reloads_total',
      help: 'Looks at the configuration, by what came of them.',
      labelNames: ['outcome'],
      registers,
    });
  }
}

function problemsOf(error: unknown): readonly ConfigProblem[] {
  const { problems } = (error instanceof GrapevineError ? error.extensions : {}) as {
    readonly problems?: readonly ConfigProblem[];
  };
  if (problems !== undefined) return problems;
  return [{ place: 'configuration', message: error instanceof Error ? error.message : String(error) }];
}
