import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@grapevine/shared/clock.ts';
import type { Config } from '@grapevine/shared/config/schema.ts';
import { MutualTls } from '@grapevine/shared/http/mutual-tls.ts';
import { scopes } from '@grapevine/shared/identity/scopes.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { makeFolder } from '@grapevine/shared/make-folder.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import {
  type ClusterFile,
  type ClusterTokens,
  readClusterFile,
  removeClusterFile,
  writeClusterFile,
} from '../cluster-file.ts';
import { CommandError } from '../command-error.ts';
import { type HostProcess, isAlive } from '../context.ts';
import { signToken } from '../tokens/sign-token.ts';
import { readTokenKey } from '../tokens/token-keys.ts';
import { defaultRestartPolicy } from './backoff.ts';
import type { ChildEvent } from './child.ts';
import { lockDataDir } from './instance-lock.ts';
import { type ClusterPlan, planCluster, type ServiceName, secretsDir } from './plan.ts';
import { requireFreePorts } from './ports.ts';
import { makeMissingSecrets } from './secrets.ts';
import { Supervisor } from './supervisor.ts';

export interface LocalClusterOptions {
  readonly nodes: number;
  readonly basePort: number;
  /** Absolute path. */
  readonly dataDir: string;
  readonly config: Config;
  /** Program and arguments that run a service. */
  readonly commandOf: (service: ServiceName) => readonly [string, ...string[]];
  /** What every process gets besides what the plan says. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Time for each process to end in order, in milliseconds. */
  readonly stopDeadlineMs: number;
  readonly host: HostProcess;
}

/** Who is told what happens. */
export interface ClusterObserver {
  ready(cluster: ClusterFile): void;
  event(event: ChildEvent): void;
  waitingForPredecessor(pids: readonly number[]): void;
  stopping(): void;
  stopped(): void;
}

/** What becomes of certificates is said by the processes that use them. */
const silent = createLogger({ name: 'up', level: 'silent' });
/** The printed tokens stay in a file of this machine; a month spares its user new ones in the middle of their work. */
const tokenTtlSeconds = 30 * 24 * 3600;
/** Children of a supervisor that was killed notice it and stop; they give up by themselves after 9 s. In milliseconds. */
const predecessorMs = 12_000;

/**
 * Runs a whole cluster on this machine until `stop` aborts, then stops it in order. Throws, with nothing left running,
 * when it cannot be started.
 */
export async function runLocalCluster(
  options: LocalClusterOptions,
  observer: ClusterObserver,
  stop: AbortSignal,
): Promise<void> {
  const { dataDir, host } = options;
  const plan = planCluster(options);
  makeDataDir(dataDir);
  const unlock = await lockDataDir(dataDir, { pid: host.pid, isAlive: (pid) => isAlive(host, pid) });
  try {
    await waitForPredecessor(dataDir, host, observer);
    await requireFreePorts(plan.stages.flat().flatMap(({ ports }) => ports));
    await makeMissingSecrets(secretsDir(dataDir), systemRandom);
    await supervise(plan, options, observer, stop);
  } finally {
    await unlock();
  }
}

function makeDataDir(dataDir: string): void {
  try {
    makeFolder(dataDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(`cannot make the data folder ${dataDir} (${code}); name another one with --data-dir.`);
  }
}

async function supervise(
  plan: ClusterPlan,
  options: LocalClusterOptions,
  observer: ClusterObserver,
  stop: AbortSignal,
): Promise<void> {
  const tokens = await makeTokens(options);
  if (stop.aborted) return;
  const { tls: files } = options.config.node;
  await using opened = new AsyncDisposableStack();
  const tls = files === undefined ? undefined : await MutualTls.open({ files, log: silent });
  opened.defer(() => tls?.stop());
  let isReady = false;
  const supervisor = new Supervisor({
    plan,
    logDir: `${options.dataDir}/logs`,
    commandOf: options.commandOf,
    environment: options.environment,
    restart: defaultRestartPolicy,
    stopDeadlineMs: options.stopDeadlineMs,
    clock: systemClock,
    fetch: (url, init) => (url.toString().startsWith('https:') && tls !== undefined ? tls.fetch : fetch)(url, init),
    onEvent: (event) => {
      if (!isReady) return;
      observer.event(event);
      // On a full disk the file stays old; that is no reason to stop serving.
      record.update().catch(() => {});
    },
  });
  const content = (): ClusterFile => describeCluster(plan, tokens, supervisor.processes());
  const record = new ClusterRecord(options.dataDir, content);
  try {
    await Promise.race([supervisor.start(), aborted(stop)]);
    if (!stop.aborted) {
      isReady = true;
      await record.update();
      observer.ready(content());
      await aborted(stop);
    }
    observer.stopping();
  } finally {
    await supervisor.stop();
    await record.remove();
  }
  observer.stopped();
}

/** `cluster.json`, written by one hand at a time so that an older list never lands on top of a newer one. */
class ClusterRecord {
  readonly #dataDir: string;
  readonly #content: () => ClusterFile;
  #last: Promise<void> = Promise.resolve();

  constructor(dataDir: string, content: () => ClusterFile) {
    this.#dataDir = dataDir;
    this.#content = content;
  }

  update(): Promise<void> {
    const written = this.#last.then(() => writeClusterFile(this.#dataDir, this.#content()));
    this.#last = written.catch(() => {});
    return written;
  }

  async remove(): Promise<void> {
    await this.#last;
    await removeClusterFile(this.#dataDir);
  }
}

function describeCluster(plan: ClusterPlan, tokens: ClusterTokens, processes: ClusterFile['processes']): ClusterFile {
  const { gateway, admin } = plan;
  return { gateway, admin, console: `${gateway}/console/#token=${tokens.operator}`, tokens, processes };
}

async function makeTokens({ dataDir, config }: LocalClusterOptions): Promise<ClusterTokens> {
  const key = await readTokenKey(secretsDir(dataDir), 'EdDSA');
  const { issuer, audience } = config.gateway.auth;
  const tokenFor = (subject: string, granted: (typeof scopes)[number][]): Promise<string> =>
    signToken(
      { subject, scopes: granted, ttlSeconds: tokenTtlSeconds, issuer, audience },
      'EdDSA',
      key,
      systemClock,
      systemRandom,
    );
  const [web, mobile, operator] = await Promise.all([
    tokenFor('web', ['messages:read', 'messages:write']),
    tokenFor('mobile', ['messages:read', 'messages:write']),
    tokenFor('operator', [...scopes]),
  ]);
  return { web, mobile, operator };
}

/** After a supervisor was killed, its children hold the ports for a moment longer: waits for the ones it wrote down. */
async function waitForPredecessor(dataDir: string, host: HostProcess, observer: ClusterObserver): Promise<void> {
  const previous = await readClusterFile(dataDir).catch(() => undefined);
  const alive = (): number[] => (previous?.processes ?? []).map(({ pid }) => pid).filter((pid) => isAlive(host, pid));
  if (alive().length === 0) return;
  observer.waitingForPredecessor(alive());
  const deadline = systemClock.monotonicMs() + predecessorMs;
  while (alive().length > 0 && systemClock.monotonicMs() < deadline) await delay(50);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
