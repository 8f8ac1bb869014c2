import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readClusterFile } from './cluster-file.ts';
import { CommandError } from './command-error.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';

/** The gateway that a command talks to, and as whom. */
export interface Target {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string;
}

export interface TargetOptions extends DataDirOptions {
  readonly url?: string;
  readonly token?: string;
}

export interface DataDirOptions {
  readonly dataDir?: string;
}

export function addDataDirOption(command: Command): Command {
  return command.option(
    '--data-dir <folder>',
    "folder of the local cluster (default: $GRAPEVINE_DATA_DIR, else data in the project's folder)",
  );
}

export function addTargetOptions(command: Command): Command {
  addDataDirOption(command)
    .option('--url <url>', 'gateway (default: $GRAPEVINE_URL, else the local cluster)')
    .option('--token <token>', "bearer token (default: $GRAPEVINE_TOKEN, else the local cluster's)");
  return command;
}

/** Absolute path of the data folder. The default does not depend on where the command is typed. */
export function dataDirOf({ root, host }: Context, options: DataDirOptions): string {
  const dataDir = options.dataDir ?? host.env['GRAPEVINE_DATA_DIR'];
  return dataDir === undefined ? resolve(root, 'data') : resolve(host.cwd(), dataDir);
}

/**
 * Options before environment before the local `cluster.json`. The local cluster's token, the operator's, goes to the
 * local cluster only.
 */
export async function findTarget(context: Context, options: TargetOptions): Promise<Target> {
  const { env } = context.host;
  const dataDir = dataDirOf(context, options);
  const local = await readClusterFile(dataDir);
  const url = (options.url ?? env['GRAPEVINE_URL'] ?? local?.gateway)?.replace(/\/+$/, '');
  if (url === undefined) {
    throw new CommandError(
      `no cluster runs from ${dataDir}; start one with \`npm start\`, or name a gateway with --url and --token.`,
      exitCodes.unreachable,
    );
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    const name = options.url === undefined ? 'GRAPEVINE_URL' : '--url';
    throw new CommandError(`${name} is ${url}; expected http://… or https://…`, exitCodes.usage);
  }
  const localToken = url === local?.gateway ? local.tokens.operator : undefined;
  const token = options.token ?? env['GRAPEVINE_TOKEN'] ?? localToken;
  if (token === undefined) {
    throw new CommandError(
      `there is no token for ${url}; pass one with --token or in GRAPEVINE_TOKEN.`,
      exitCodes.usage,
    );
  }
  return { url, token };
}
