import assert from 'node:assert/strict';
import type { ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { spawnGrapevine } from './command.ts';
import { until } from './until.ts';

const processSchema = z.object({ name: z.string(), pid: z.int(), http: z.url(), udp: z.string().optional() });
const clusterFileSchema = z.object({
  gateway: z.url(),
  admin: z.url(),
  console: z.url(),
  tokens: z.object({ web: z.string(), mobile: z.string(), operator: z.string() }),
  processes: z.array(processSchema),
});
type ClusterFile = z.infer<typeof clusterFileSchema>;
export type ClusterProcess = z.infer<typeof processSchema>;

const eventSchema = z.looseObject({ event: z.string(), name: z.string().optional(), pid: z.int().optional() });
type ClusterEvent = z.infer<typeof eventSchema>;

export interface ClusterOptions {
  readonly dataDir: string;
  readonly nodes?: number;
  readonly basePort?: number;
  /** Settings, such as `GRAPEVINE_GATEWAY__DRAIN_MS`. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Ports of this many clusters are tried before giving up: others on this machine may use some. */
const maxAttempts = 5;
/** Above the supervisor's own deadlines for a start, its predecessor's end included, and for a stop; in milliseconds. */
const startMs = 45_000;
const stopMs = 25_000;

/** A folder that is removed when the returned disposable is. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'grapevine-e2e-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/**
 * A base port for a cluster: all its ports lie between 11,000 and 31,000, below those that the system gives to outgoing
 * connections. Random, since other clusters may be starting at the same time.
 */
export function randomBasePort(): number {
  return 12_000 + Math.floor(Math.random() * 17_000);
}

/** Starts a cluster with `grapevine up` and waits until it says that it is ready. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  for (let attempt = 1; ; attempt++) {
    const cluster = new Cluster({ basePort: randomBasePort(), ...options });
    try {
      await cluster.ready();
      return cluster;
    } catch (error) {
      await cluster.stop();
      const isTaken = error instanceof Error && error.message.includes('PORT_TAKEN');
      if (!isTaken || options.basePort !== undefined || attempt === maxAttempts) throw error;
    }
  }
}

/** A cluster of real processes, seen as its operator sees it: events on standard output, `cluster.json`, signals. */
export class Cluster {
  readonly dataDir: string;
  readonly basePort: number;
  readonly events: ClusterEvent[] = [];
  /** Resolves with the supervisor's exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #errors: Promise<string>;
  #file: ClusterFile | undefined;
  #ending: number | string | undefined;

  /** Only starts the process; `ready` waits for it. */
  constructor({ dataDir, nodes = 3, basePort, environment = {} }: ClusterOptions & { readonly basePort: number }) {
    this.dataDir = dataDir;
    this.basePort = basePort;
    const flags = ['--data-dir', dataDir, '--base-port', `${basePort}`, '--nodes', `${nodes}`, '--json'];
    const { child, ended } = spawnGrapevine(['up', ...flags], environment);
    this.#child = child;
    this.ended = ended.then((ending) => {
      this.#ending = ending;
      return ending;
    });
    this.#errors = text(child.stderr);
    createInterface(child.stdout).on('line', (line) => this.events.push(eventSchema.parse(JSON.parse(line))));
  }

  get #ready(): ClusterFile {
    assert.ok(this.#file !== undefined, 'the cluster has not been ready yet');
    return this.#file;
  }

  get gateway(): string {
    return this.#ready.gateway;
  }

  get admin(): string {
    return this.#ready.admin;
  }

  get tokens(): ClusterFile['tokens'] {
    return this.#ready.tokens;
  }

  get supervisorPid(): number {
    assert.ok(this.#child.pid !== undefined);
    return this.#child.pid;
  }

  /** Base URLs of the nodes' own APIs, in the order of their names. */
  get nodes(): readonly { readonly name: string; readonly http: string }[] {
    return this.#ready.processes.filter(({ udp }) => udp !== undefined);
  }

  async ready(): Promise<void> {
    const isReady = (): boolean => this.events.some(({ event }) => event === 'ready');
    const outcome = await until('grapevine up is ready', () => isReady() || this.#ending, startMs);
    if (outcome !== true) throw new Error(`grapevine up ended with ${outcome}: ${await this.#errors}`);
    this.#file = await this.readFile();
  }

  /** The first event of this kind, of the process called `name` if given. `after` skips what came before. */
  waitFor(event: string, name?: string, deadlineMs?: number, after = 0): Promise<ClusterEvent> {
    const matches = (one: ClusterEvent): boolean => one.event === event && (name === undefined || one.name === name);
    return until(`${event} ${name ?? ''}`, () => this.events.slice(after).find(matches), deadlineMs);
  }

  /** `cluster.json` as it is now. */
  async readFile(): Promise<ClusterFile> {
    return clusterFileSchema.parse(JSON.parse(await readFile(join(this.dataDir, 'cluster.json'), 'utf8')));
  }

  /** The process as `cluster.json` has it now; fails while it is between two lives. */
  async process(name: string): Promise<ClusterProcess> {
    const found = (await this.readFile()).processes.find((one) => one.name === name);
    assert.ok(found !== undefined, `${name} is not in cluster.json`);
    return found;
  }

  /** Kills a process with SIGKILL and answers when its successor is ready. */
  async killAndAwait(name: string): Promise<{ readonly before: number; readonly after: number }> {
    const { pid: before } = await this.process(name);
    const seen = this.events.length;
    process.kill(before, 'SIGKILL');
    const { pid: after } = await this.waitFor('process-ready', name, 30_000, seen);
    assert.ok(after !== undefined);
    return { before, after };
  }

  signalSupervisor(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What the supervisor wrote to standard error, once it has ended. */
  errors(): Promise<string> {
    return this.#errors;
  }

  /** Stops everything and answers how the supervisor ended; a second call does nothing. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    this.signalSupervisor(signal);
    const timer = setTimeout(() => this.signalSupervisor('SIGKILL'), stopMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lines that any of its processes logged as `fatal`: defects that nobody caught. */
  async fatalLogLines(): Promise<string[]> {
    const folder = join(this.dataDir, 'logs');
    const logs = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
    return logs.flatMap((log) => log.split('\n')).filter((line) => line.includes('"level":"fatal"'));
  }
}

/** Ends a cluster that a test used; for disposables. */
export async function stopCluster(cluster: Cluster): Promise<void> {
  await cluster.stop();
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
