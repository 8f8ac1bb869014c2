import { systemClock } from '@grapevine/shared/clock.ts';
import { loadConfig } from '@grapevine/shared/config/load.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { secretsDir } from '../supervisor/plan.ts';
import { addDataDirOption, type DataDirOptions, dataDirOf } from '../target.ts';
import { parseDuration } from '../terminal/duration.ts';
import { addPrincipalOptions, type PrincipalOptions } from '../tokens/principal-options.ts';
import { signToken } from '../tokens/sign-token.ts';
import { readTokenKey, type TokenAlgorithm, tokenAlgorithms } from '../tokens/token-keys.ts';

interface TokenOptions extends DataDirOptions, PrincipalOptions {
  readonly ttl: number;
  readonly alg: TokenAlgorithm;
  readonly config?: string;
  readonly json?: boolean;
}

export function addToken(program: Command, context: Context): void {
  const command = program
    .command('token')
    .description("Sign a bearer token with the local cluster's key and print it.");
  addPrincipalOptions(command)
    .addOption(
      new Option('--ttl <duration>', 'lifetime, such as 15m, 12h or 30d').argParser(parseDuration).default(3_600, '1h'),
    )
    .addOption(new Option('--alg <algorithm>', 'signature').choices([...tokenAlgorithms]).default('EdDSA'))
    .option('--config <file>', 'settings, for issuer and audience')
    .option('--json', 'print {"token", "expiresInSeconds"}')
    .addHelpText(
      'after',
      `
Examples:
  grapevine token --subject ada --ttl 7d
  grapevine token --scope 'messages:read cluster:read' --alg HS256`,
    );
  addDataDirOption(command);
  command.action(async (options: TokenOptions) => {
    const { issuer, audience } = loadConfig({ file: options.config, environment: context.host.env }).gateway.auth;
    const key = await readTokenKey(secretsDir(dataDirOf(context, options)), options.alg);
    const { subject, scope, ttl, alg } = options;
    const claims = { subject, scopes: scope, ttlSeconds: ttl, issuer, audience };
    const token = await signToken(claims, alg, key, systemClock, systemRandom);
    context.stdout.write(`${options.json === true ? JSON.stringify({ token, expiresInSeconds: ttl }) : token}\n`);
  });
}
