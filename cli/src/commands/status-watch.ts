import { setTimeout as delay } from 'node:timers/promises';
import { type Context, stopSignal } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { isPassing } from '../gateway-client.ts';

/** The cluster at one moment, as it is printed. */
export interface Look {
  /** One line. */
  readonly headline: string;
  readonly text: string;
  readonly json: string;
  readonly exitCode: number;
}

/** Goes to the top left of the terminal and clears what is there (ECMA-48: CUP, ED). */
const clearScreen = '\u001b[H\u001b[2J';

/**
 * Looks every `seconds` until Ctrl-C, and answers the exit code of the last look. What cannot be reached now may be there
 * later: only a refusal ends it.
 */
export async function watch(
  look: () => Promise<Look>,
  seconds: number,
  asJson: boolean,
  { host, stdout }: Context,
): Promise<number> {
  using stop = stopSignal(host);
  let exitCode: number = exitCodes.unreachable;
  let before: string | undefined;
  while (!stop.aborted) {
    const now = await look().catch(unreachable);
    exitCode = now.exitCode;
    const time = new Date().toISOString();
    if (asJson) stdout.write(`${now.json}\n`);
    else if (stdout.columns !== undefined) stdout.write(`${clearScreen}${time}\n\n${now.text}\n`);
    else if (now.headline !== before) stdout.write(`${time} ${now.headline}\n`);
    before = now.headline;
    await delay(seconds * 1_000, undefined, { signal: stop }).catch(() => {});
  }
  return exitCode;
}

function unreachable(error: unknown): Look {
  if (!isPassing(error)) throw error;
  const headline = `unreachable: ${(error as Error).message}`;
  const json = JSON.stringify({ verdict: 'unreachable', nodes: [], pairs: [] });
  return { headline, text: headline, json, exitCode: exitCodes.unreachable };
}
