import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { systemClock } from '@grapevine/shared/clock.ts';
import { IdentitySigner } from '@grapevine/shared/identity/identity.ts';
import { readIdentityKey } from '../fixtures/key-files.ts';
import { request } from './clients.ts';
import { NodeApi } from './node-api.ts';
import { until } from './until.ts';

const entryPoint = resolve(import.meta.dirname, '../../cluster-node/src/main.ts');
/** A start reads the journal and the indexes; on a busy machine that takes its time. */
const readyMs = 120_000;

/** What still runs, so that nothing outlives the test. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface NodeFamilyOptions {
  /** Holds a folder for each node. */
  readonly dataDir: string;
  /** Node i listens on this + i (HTTP) and this + 100 + i (UDP). */
  readonly basePort: number;
  /** The host by which node `number` is known to the others; 127.0.0.1 when absent. */
  readonly hostOf?: (number: number) => string;
  /** Further settings, such as `GRAPEVINE_LOG__LEVEL`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that prepares for a node with this data folder and then becomes what its further arguments say. */
  readonly wrapper?: (folder: string) => readonly [string, ...string[]];
}

/** Nodes of one cluster without supervisor, BFFs and gateway, so that a test alone starts and kills them. */
export class NodeFamily implements AsyncDisposable {
  readonly #options: NodeFamilyOptions;
  readonly #keyFile: string;
  readonly #nodes = new Map<number, NodeProcess>();

  private constructor(options: NodeFamilyOptions) {
    this.#options = options;
    this.#keyFile = join(options.dataDir, 'cluster.key');
  }

  static async create(options: NodeFamilyOptions): Promise<NodeFamily> {
    const family = new NodeFamily(options);
    await mkdir(options.dataDir, { recursive: true });
    await writeFile(family.#keyFile, 'the passphrase of a cluster under test\n');
    return family;
  }

  /** Starts node `number`, from 1, and waits until it is ready. Nodes 1 and 2 are everybody's seeds. `settings` are its own. */
  async start(number: number, settings: Readonly<Record<string, string>> = {}): Promise<NodeProcess> {
    const child = this.#spawn(number, 'inherit', settings);
    const signer = new IdentitySigner(readIdentityKey(this.#keyFile, 'node-identity'), 'node', systemClock);
    const url = `http://127.0.0.1:${this.#options.basePort + number}`;
    const node = new NodeProcess(child, new NodeApi(`node-${number}`, url, signer));
    this.#nodes.set(number, node);
    await node.ready();
    return node;
  }

  /** Starts node `number`, which cannot start, and answers what it says of that. */
  async complaintsOf(number: number): Promise<string> {
    const child = this.#spawn(number, 'pipe');
    assert.ok(child.stderr !== null);
    const [complaints] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(child.exitCode, 1, complaints);
    return complaints;
  }

  #spawn(number: number, stderr: 'inherit' | 'pipe', special: Readonly<Record<string, string>> = {}): ChildProcess {
    const { basePort, hostOf = () => '127.0.0.1', environment = {} } = this.#options;
    const settings = {
      GRAPEVINE_NODE__NAME: `node-${number}`,
      GRAPEVINE_NODE__DATA_DIR: this.folder(number),
      GRAPEVINE_NODE__HTTP_PORT: `${basePort + number}`,
      GRAPEVINE_NODE__UDP_PORT: `${basePort + 100 + number}`,
      GRAPEVINE_NODE__ADVERTISE_HOST: hostOf(number),
      GRAPEVINE_NODE__SEEDS: `["${hostOf(1)}:${basePort + 101}", "${hostOf(2)}:${basePort + 102}"]`,
      GRAPEVINE_SECRETS__CLUSTER_KEY_FILE: this.#keyFile,
      ...environment,
      ...special,
    };
    const inherited = Object.entries(process.env).filter(
      ([key]) => !key.startsWith('GRAPEVINE_') && key !== 'NODE_TEST_CONTEXT',
    );
    const log = openSync(this.#logFile(number), 'a');
    const wrapper = this.#options.wrapper?.(this.folder(number)) ?? [];
    const [command = process.execPath, ...args] = [...wrapper, process.execPath, entryPoint];
    const child = spawn(command, args, {
      env: { ...Object.fromEntries(inherited), ...settings },
      stdio: ['ignore', log, stderr],
    });
    closeSync(log);
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  /** Where node `number` keeps its data. */
  folder(number: number): string {
    return join(this.#options.dataDir, `node-${number}`);
  }

  /** Lines that node `number` logged as `fatal` in any of its lives: defects that nobody caught. */
  async fatalLogLines(number: number): Promise<string[]> {
    const log = await readFile(this.#logFile(number), 'utf8');
    return log.split('\n').filter((line) => line.includes('"level":"fatal"'));
  }

  /** What node `number` logged last. */
  async lastLogLines(number: number, count: number): Promise<string[]> {
    return (await readFile(this.#logFile(number), 'utf8')).trimEnd().split('\n').slice(-count);
  }

  #logFile(number: number): string {
    return join(this.#options.dataDir, `node-${number}.log`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.end('SIGKILL')));
  }
}

/** One node as a process. */
export class NodeProcess {
  readonly api: NodeApi;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(child: ChildProcess, api: NodeApi) {
    this.#child = child;
    this.api = api;
    this.#ended = new Promise((ended) => child.once('exit', () => ended()));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async ready(): Promise<void> {
    const isReady = async (): Promise<boolean | 'ended'> =>
      this.#child.exitCode !== null ? 'ended' : (await request(`${this.api.url}/readyz`)).status === 200;
    const outcome = await until(`${this.api.name} is ready`, isReady, readyMs);
    if (outcome === 'ended') throw new Error(`${this.api.name} ended with ${this.#child.exitCode}`);
  }

  /** Stops the process as it is; whoever asks it waits. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Sends the signal, waits until the process is gone, and answers its exit code; null when the signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.hasEnded) {
      this.#child.kill(signal);
      await this.#ended;
    }
    return this.#child.exitCode;
  }
}
