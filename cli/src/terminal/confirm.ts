import type { Context } from '../context.ts';

/** Longer than any answer to a yes-or-no question. */
const maxAnswerBytes = 1_024;

/** Asks a question that needs a `y` or `yes`; anything else, also the end of the input, is a no. */
export async function confirm(
  { stdin, stderr }: Pick<Context, 'stdin' | 'stderr'>,
  question: string,
): Promise<boolean> {
  stderr.write(`${question} [y/N] `);
  let answer = '';
  for await (const piece of stdin) {
    answer += new TextDecoder().decode(piece);
    if (answer.includes('\n') || answer.length > maxAnswerBytes) break;
  }
  return /^y(es)?$/i.test(answer.trim());
}
