import { readFile } from 'node:fs/promises';
import { systemClock } from '@grapevine/shared/clock.ts';
import { type ApiKeyEntry, apiKeyFileSchema, makeApiKey } from '@grapevine/shared/identity/api-key.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { CommandError } from '../command-error.ts';
import type { Context } from '../context.ts';
import { writePrivateFile } from '../private-file.ts';
import { apiKeysFile } from '../supervisor/plan.ts';
import { addDataDirOption, type DataDirOptions, dataDirOf } from '../target.ts';
import { parseDuration } from '../terminal/duration.ts';
import { addPrincipalOptions, type PrincipalOptions } from '../tokens/principal-options.ts';

interface ApiKeyOptions extends DataDirOptions, PrincipalOptions {
  readonly ttl?: number;
  readonly rate?: ApiKeyEntry['rate'];
  readonly json?: boolean;
}

export function addApiKey(program: Command, context: Context): void {
  const command = program
    .command('api-key')
    .description('Make an API key for the local cluster and print it. Only its hash is kept: it is not shown again.');
  addPrincipalOptions(command)
    .option('--ttl <duration>', 'lifetime, such as 12h or 30d; for ever when absent', parseDuration)
    .option('--rate <perSecond[/burst]>', "requests per second, and at once, instead of its principal's", parseRate)
    .option('--json', 'print {"key", "id", "expires"}; expires is null for ever')
    .addHelpText(
      'after',
      `
The gateway takes it within a second, as X-API-Key: <key> or Authorization: ApiKey <key>. To take it back, remove its entry
from secrets/api-keys.json, or add its id (the part between the underscores) to secrets/revoked.json.
Examples:
  grapevine api-key --subject importer --scope messages:write --rate 50/200
  grapevine api-key --subject dashboard --scope 'messages:read cluster:read' --ttl 90d`,
    );
  addDataDirOption(command);
  command.action(async (options: ApiKeyOptions) => {
    const path = apiKeysFile(dataDirOf(context, options));
    const keys = await readEntries(path);
    const { key, id, sha256 } = makeApiKey(systemRandom);
    const { subject, scope, ttl, rate } = options;
    const expires = ttl === undefined ? undefined : new Date(systemClock.wallMs() + ttl * 1_000).toISOString();
    const entry: ApiKeyEntry = { id, sha256, subject, scopes: [...scope], rate, expires };
    await writePrivateFile(path, `${JSON.stringify({ keys: [...keys, entry] }, undefined, 2)}\n`);
    const shown = options.json === true ? JSON.stringify({ key, id, expires: expires ?? null }) : key;
    context.stdout.write(`${shown}\n`);
  });
}

async function readEntries(path: string): Promise<readonly ApiKeyEntry[]> {
  try {
    return apiKeyFileSchema.parse(JSON.parse(await readFile(path, 'utf8'))).keys;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `cannot add to the API keys in ${path} (${reason}); \`grapevine up\` makes the file, --data-dir names its folder.`,
      1,
      { cause: error },
    );
  }
}

function parseRate(text: string): ApiKeyEntry['rate'] {
  const [, perSecond, burst = perSecond] = /^(\d{1,8})(?:\/(\d{1,8}))?$/.exec(text) ?? [];
  const parsed = apiKeyFileSchema.shape.keys.element.shape.rate.safeParse({
    perSecond: Number(perSecond),
    burst: Number(burst),
  });
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    'Expected requests per second, and after a slash at least as many at once, as in 50/200.',
  );
}
