import { resolve } from 'node:path';
import { loadConfig } from '@grapevine/shared/config/load.ts';
import type { Command } from 'commander';
import { type Context, stopSignal } from '../context.ts';
import { compileCacheOf, entryPointOf } from '../services.ts';
import { defaultStopDeadlineMs } from '../supervisor/child.ts';
import { jsonConsole, textConsole } from '../supervisor/cluster-console.ts';
import { runLocalCluster } from '../supervisor/local-cluster.ts';
import { defaultBasePort, maxNodes, type ServiceName } from '../supervisor/plan.ts';
import { addDataDirOption, type DataDirOptions, dataDirOf } from '../target.ts';
import { wholeNumber } from '../terminal/whole-number.ts';

interface UpOptions extends DataDirOptions {
  readonly nodes: number;
  readonly basePort: number;
  readonly config?: string;
  readonly json?: boolean;
}

export function addUp(program: Command, context: Context): void {
  const command = program
    .command('up')
    .description('Run a whole cluster on this machine until Ctrl-C: nodes, both BFFs and the gateway.')
    .option('--nodes <count>', 'number of nodes', wholeNumber(1, maxNodes), 3)
    .option('--base-port <port>', "gateway's port; all others move with it", wholeNumber(1, 65_535), defaultBasePort)
    .option(
      '--config <file>',
      'settings for all processes; ports, names, folders and seeds are decided by this command',
    )
    .option('--json', 'print one JSON object per line; {"event":"ready", …} holds what is in cluster.json')
    .addHelpText(
      'after',
      `
Ports, for base port 8080: gateway 8080, its admin listener 9080, bff-web 8081, bff-mobile 8082, node i 7100+i (HTTP) and 7200+i (UDP).
State, keys, logs and cluster.json are kept in the data folder; the next start goes on from there.
Examples:
  grapevine up --nodes 5
  grapevine up --base-port 18080 --data-dir /tmp/second`,
    );
  addDataDirOption(command);
  command.action(async (options: UpOptions) => {
    const { host, root, stdout } = context;
    const configFile = options.config === undefined ? undefined : resolve(host.cwd(), options.config);
    const config = loadConfig({ file: configFile, environment: host.env });
    const configArguments = configFile === undefined ? [] : ['--config', configFile];
    const commandOf = (service: ServiceName): [string, ...string[]] => [
      host.execPath,
      entryPointOf(root, service),
      ...configArguments,
    ];
    const console = options.json === true ? jsonConsole(stdout) : textConsole(stdout);
    const environment = { NODE_COMPILE_CACHE: compileCacheOf(root), ...host.env };
    const { nodes, basePort } = options;
    const dataDir = dataDirOf(context, options);
    const stopDeadlineMs = defaultStopDeadlineMs;
    using stop = stopSignal(host);
    await runLocalCluster(
      { nodes, basePort, dataDir, config, commandOf, environment, stopDeadlineMs, host },
      console,
      stop,
    );
  });
}
