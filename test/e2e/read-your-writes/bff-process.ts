import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import process from 'node:process';
import { z } from 'zod';

export interface BffOptions {
  readonly edgeKeyFile: string;
  readonly clusterKeyFile: string;
  readonly seeds: readonly string[];
}

const readySchema = z.object({ ports: z.object({ http: z.int() }) });

/** One BFF as a process, without supervisor and gateway. */
export class BffProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(name: 'bff-web' | 'bff-mobile', options: BffOptions): Promise<BffProcess> {
    const section = name === 'bff-web' ? 'BFF_WEB' : 'BFF_MOBILE';
    const child = spawn(process.execPath, [resolve(import.meta.dirname, `../../../${name}/src/main.ts`)], {
      env: {
        PATH: process.env['PATH'],
        GRAPEVINE_SECRETS__EDGE_KEY_FILE: options.edgeKeyFile,
        GRAPEVINE_SECRETS__CLUSTER_KEY_FILE: options.clusterKeyFile,
        [`GRAPEVINE_${section}__PORT`]: '0',
        [`GRAPEVINE_${section}__SEEDS`]: JSON.stringify(options.seeds),
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended before it was ready.`)));
    const [message] = await Promise.race([once(child, 'message'), ended]);
    return new BffProcess(child, readySchema.parse(message).ports.http);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
