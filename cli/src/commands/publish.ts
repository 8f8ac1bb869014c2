import { limits } from '@grapevine/shared/contracts/limits.ts';
import { tokenSchema } from '@grapevine/shared/contracts/node-api.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import type { Context } from '../context.ts';
import { GatewayClient } from '../gateway-client.ts';
import { addTargetOptions, findTarget, type TargetOptions } from '../target.ts';
import { wholeNumber } from '../terminal/whole-number.ts';

interface PublishOptions extends TargetOptions {
  readonly contentType?: string;
  readonly key?: string;
  readonly header: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly acks?: number;
  readonly timeout?: number;
  readonly json?: boolean;
}

const publishedSchema = z.object({
  id: z.string(),
  origin: z.string(),
  seq: z.int(),
  heldBy: z.int(),
  token: tokenSchema,
});

/** Standard input beyond this cannot be a message: the hard limit of one body, 1 MiB. */
const maxInputBytes = 1024 * 1024;

export function addPublish(program: Command, context: Context): void {
  const command = program
    .command('publish')
    .description('Publish one message and print its id.')
    .argument('<topic>', '1 to 200 characters of A-Z a-z 0-9 . _ : / -')
    .argument('[body]', 'text; - or nothing reads standard input', '-')
    .option('--content-type <type>', 'what the body is (default: text/plain; charset=utf-8)')
    .option('--key <key>', 'what the message is about')
    .addOption(
      new Option('--header <name=value>', 'a header of the message; may be given again')
        .argParser(addHeader)
        .default({}, 'none'),
    )
    .option('--idempotency-key <key>', 'makes it safe to run the same command again')
    .option('--acks <count>', 'nodes that must have it on disk', wholeNumber(1, limits.acks))
    .option('--timeout <ms>', 'longest wait for them', wholeNumber(0, limits.waitMs))
    .option('--json', 'print the whole answer')
    .addHelpText(
      'after',
      `
Examples:
  grapevine publish hello 'Hello, vine!'
  grapevine publish sensors/roof --content-type application/json --acks 2 < reading.json`,
    );
  addTargetOptions(command);
  command.action(async (topic: string, text: string, options: PublishOptions) => {
    requireTopicName(topic);
    const body = text === '-' ? await readText(context.stdin) : text;
    const client = new GatewayClient(await findTarget(context, options));
    const { contentType, key, header } = options;
    const published = await client.post(
      publishedSchema,
      `/mobile/v1/topics/${encodeURIComponent(topic)}/messages${queryOf(options)}`,
      { body, contentType, key, headers: header },
      options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey },
    );
    context.stdout.write(options.json === true ? `${JSON.stringify(published)}\n` : `${published.id}\n`);
    const { acks = 1 } = options;
    if (published.heldBy < acks) {
      throw new CommandError(
        `published, but ${published.heldBy} of ${acks} nodes had it on disk in time; the others get it as soon as they can.`,
      );
    }
  });
}

function queryOf({ acks, timeout }: PublishOptions): string {
  const query = new URLSearchParams();
  if (acks !== undefined) query.set('acks', String(acks));
  if (timeout !== undefined) query.set('timeoutMs', String(timeout));
  return query.size === 0 ? '' : `?${query}`;
}

function addHeader(text: string, headers: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Expected name=value.');
  return { ...headers, [name]: value };
}

async function readText(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxInputBytes)
      throw new CommandError(`standard input has more than ${maxInputBytes} bytes, too long for a message.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new CommandError('standard input is not UTF-8 text; encode it first, for example with base64.');
  }
}
