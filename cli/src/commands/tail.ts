import { setTimeout as delay } from 'node:timers/promises';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import { type Context, stopSignal } from '../context.ts';
import { GatewayClient, isPassing } from '../gateway-client.ts';
import { addTargetOptions, findTarget, type TargetOptions } from '../target.ts';
import { painter } from '../terminal/paint.ts';
import { printable } from '../terminal/printable.ts';

interface TailOptions extends TargetOptions {
  readonly since?: string;
  readonly json?: boolean;
}

const eventSchema = z.object({
  messageAdded: z.object({
    consistencyToken: z.string(),
    message: z.looseObject({ id: z.string(), author: z.string(), createdAt: z.string(), body: z.string() }),
  }),
});
type TailEvent = z.infer<typeof eventSchema>['messageAdded'];

const subscription = `subscription ($topic: String!, $since: String) {
  messageAdded(topic: $topic, since: $since) {
    consistencyToken
    message { id topic author createdAt contentType key headers body origin seq }
  }
}`;

/** Where the topic is now: what a stream that breaks before its first message goes on from. */
const presentQuery = 'query ($topic: String!) { messages(topic: $topic, last: 1) { consistencyToken } }';
const presentSchema = z.object({ messages: z.object({ consistencyToken: z.string() }) });

/** Pause before a lost stream is opened again, in milliseconds: a restart of the gateway takes about that long. */
const reconnectMs = 1_000;

export function addTail(program: Command, context: Context): void {
  const command = program
    .command('tail')
    .description('Print the messages of a topic as they arrive, until Ctrl-C.')
    .argument('<topic>')
    .option('--since <token>', 'start after what this consistency token covers instead of now')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
A lost connection is opened again where it broke off: nothing is missed or printed twice.
Examples:
  grapevine tail hello
  grapevine tail sensors/roof --json | jq .body`,
    );
  addTargetOptions(command);
  command.action(async (topic: string, options: TailOptions) => {
    requireTopicName(topic);
    const client = new GatewayClient(await findTarget(context, options));
    const print = printerFor(context, options.json === true);
    using stop = stopSignal(context.host);
    let since =
      options.since ?? (await client.graphql(presentSchema, presentQuery, { topic })).messages.consistencyToken;
    while (!stop.aborted) {
      try {
        for await (const { messageAdded } of client.subscribe(eventSchema, subscription, { topic, since }, stop)) {
          print(messageAdded);
          since = messageAdded.consistencyToken;
        }
      } catch (error) {
        if (stop.aborted) return;
        // A refusal would only be repeated.
        if (!isPassing(error)) throw error;
        context.stderr.write(`grapevine: the stream broke off (${(error as Error).message}); opening it again\n`);
      }
      await delay(reconnectMs, undefined, { signal: stop }).catch(() => {});
    }
  });
}

function printerFor({ stdout }: Context, asJson: boolean): (event: TailEvent) => void {
  const { dim } = painter(stdout);
  return ({ message, consistencyToken }) => {
    const text = asJson
      ? JSON.stringify({ ...message, consistencyToken })
      : `${dim(`${printable(message.createdAt)} ${printable(message.author)}`)}  ${printable(message.body)}`;
    stdout.write(`${text}\n`);
  };
}
