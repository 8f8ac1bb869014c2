import { checkConfig } from '@grapevine/shared/config/load.ts';
import { configSchema } from '@grapevine/shared/config/schema.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { SetExitCode } from '../program.ts';

export function addConfig(program: Command, context: Context, setExitCode: SetExitCode): void {
  const config = program
    .command('config')
    .description('Check a configuration file, or describe what may stand in one.');
  config
    .command('check')
    .description('Find every problem of a configuration file and of GRAPEVINE_… variables.')
    .argument('[file]', 'configuration file', 'grapevine.yaml')
    .addHelpText(
      'after',
      '\nExit codes: 0 good · 1 problems, one a line with its place\nExamples:\n  grapevine config check grapevine.yaml\n  grapevine config check grapevine.yaml --json',
    )
    .option('--json', 'print {"problems": [{"place": …, "message": …}]} on standard output')
    .action((file: string, { json }: { json?: boolean }) => {
      const { problems } = checkConfig({ file, environment: context.host.env });
      if (problems.length > 0) setExitCode(exitCodes.failed);
      if (json === true) {
        context.stdout.write(`${JSON.stringify({ problems })}\n`);
        return;
      }
      for (const { place, message } of problems) context.stderr.write(`${place}: ${message}\n`);
      if (problems.length === 0) context.stdout.write(`${file} is good.\n`);
    });
  config
    .command('schema')
    .description('Print the JSON Schema of the configuration, for editors.')
    .addHelpText('after', '\nExample:\n  grapevine config schema > grapevine.schema.json')
    .action(() => {
      context.stdout.write(`${JSON.stringify(z.toJSONSchema(configSchema, { io: 'input' }), undefined, 2)}\n`);
    });
}
