import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { runInForeground } from '../foreground.ts';
import type { SetExitCode } from '../program.ts';
import { entryPointOf } from '../services.ts';
import type { ServiceName } from '../supervisor/plan.ts';

const services: readonly { readonly name: string; readonly service: ServiceName; readonly description: string }[] = [
  { name: 'node', service: 'cluster-node', description: 'Run one cluster node in the foreground.' },
  { name: 'gateway', service: 'gateway', description: 'Run the gateway in the foreground.' },
  { name: 'bff-web', service: 'bff-web', description: 'Run the web BFF (GraphQL) in the foreground.' },
  { name: 'bff-mobile', service: 'bff-mobile', description: 'Run the mobile BFF (REST) in the foreground.' },
];

export function addServices(program: Command, context: Context, setExitCode: SetExitCode): void {
  for (const { name, service, description } of services) {
    program
      .command(name)
      .description(description)
      .option('--config <file>', 'settings; GRAPEVINE_… variables stand above the file')
      .addHelpText(
        'after',
        `\nExamples:\n  grapevine ${name} --config grapevine.yaml\n  GRAPEVINE_LOG__LEVEL=debug grapevine ${name}`,
      )
      .action(async ({ config }: { config?: string }) => {
        const configArguments = config === undefined ? [] : ['--config', config];
        setExitCode(await runInForeground(context.host, [entryPointOf(context.root, service), ...configArguments]));
      });
  }
}
