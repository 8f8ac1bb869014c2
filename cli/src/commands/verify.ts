import { hashSchema } from '@grapevine/shared/contracts/node-api.ts';
import type { Step } from '@grapevine/shared/verifier/refusal.ts';
import { verifyMessageProof } from '@grapevine/shared/verifier/verify-message.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { GatewayClient } from '../gateway-client.ts';
import type { SetExitCode } from '../program.ts';
import { addTargetOptions, findTarget, type TargetOptions } from '../target.ts';
import { painter } from '../terminal/paint.ts';
import { printable } from '../terminal/printable.ts';

interface VerifyOptions extends TargetOptions {
  readonly json?: boolean;
}

const query = `query ($id: ID!) {
  inclusionProof(id: $id) {
    id origin seq treeSize path entry
    head { origin size root hlc publicKey signature }
  }
}`;

/** What the server sent as a proof stays unknown here: the verifier is who judges it. */
const answerSchema = z.object({ inclusionProof: z.unknown() });

/** In the order in which the verifier takes them. */
const steps: Readonly<Record<Step, string>> = {
  document: 'the proof is complete',
  id: 'the id is the hash of the message',
  entry: 'the bytes are a message',
  position: 'message, proof and head speak of the same place',
  path: "the path leads from the message to the head's root",
  'public-key': 'the key is the one that the origin is named after',
  signature: 'the origin signed the head',
};

/** What cannot be checked of a message that retention has erased. */
const aboutContent: ReadonlySet<string> = new Set<Step>(['id', 'entry']);

export function addVerify(program: Command, context: Context, setExitCode: SetExitCode): void {
  const command = program
    .command('verify')
    .description("Check on this machine that a message is in its origin's signed log.")
    .argument('<id>', 'message id: 64 hexadecimal digits')
    .option('--json', 'print {"valid", …}')
    .addHelpText(
      'after',
      `
The servers only deliver the proof. Of a message that retention has erased, its place is proven. Exit codes: 0 valid · 1 not valid, or no such message · 2 not reachable
Example:
  grapevine verify $(grapevine publish hello 'Hi there')`,
    );
  addTargetOptions(command);
  command.action(async (text: string, options: VerifyOptions) => {
    const id = text.toLowerCase();
    if (!hashSchema.safeParse(id).success) {
      throw new CommandError(`${text} is not a message id; expected 64 hexadecimal digits.`, exitCodes.usage);
    }
    const client = new GatewayClient(await findTarget(context, options));
    const { inclusionProof } = await client.graphql(answerSchema, query, { id });
    if (inclusionProof === null) throw new CommandError(`no replica that was asked has a message ${id}.`);
    const result = checkProof(inclusionProof, id);
    context.stdout.write(options.json === true ? `${JSON.stringify(jsonOf(result))}\n` : describe(result, context));
    setExitCode(result.valid ? exitCodes.ok : exitCodes.failed);
  });
}

/** A valid proof of another message proves nothing about the one that was asked for. */
function checkProof(document: unknown, id: string): ReturnType<typeof verifyMessageProof> {
  const found = z.object({ id: z.string() }).safeParse(document).data?.id;
  if (found !== undefined && found !== id) {
    return { valid: false, step: 'id', reason: `The proof is for ${found}, expected one for ${id}.` };
  }
  return verifyMessageProof(document);
}
type Result = ReturnType<typeof checkProof>;

function jsonOf(result: Result): object {
  if (!result.valid) return result;
  const { origin, seq, entry } = result;
  const content = entry === undefined ? { erased: true } : { topic: entry.topic, author: entry.author };
  return { valid: true, origin, seq, ...content };
}

function describe(result: Result, { stdout }: Context): string {
  const { green, red, bold } = painter(stdout);
  const lines: string[] = [];
  const isErased = result.valid && result.entry === undefined;
  for (const [step, meaning] of Object.entries(steps)) {
    if (!result.valid && result.step === step) {
      lines.push(`${red('✘')} ${meaning}: ${printable(result.reason)}`, red(bold('not valid')));
      break;
    }
    if (!isErased || !aboutContent.has(step)) lines.push(`${green('✔')} ${meaning}`);
  }
  if (result.valid) {
    const { seq, origin, entry } = result;
    const what = entry === undefined ? 'erased since' : `by ${printable(entry.author)} in ${entry.topic}`;
    lines.push(`${green(bold('valid'))}: entry ${seq} of origin ${origin}, ${what}`);
  }
  return `${lines.join('\n')}\n`;
}
