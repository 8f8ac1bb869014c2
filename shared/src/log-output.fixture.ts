/** A process that logs as many lines of a kilobyte as each message says, and answers; at 0 it ends. */
import { LogOutput } from './log-output.ts';

const output = new LogOutput(1);
process.on('message', async (count: number) => {
  if (count === 0) {
    await output.end();
    process.exit(0);
  }
  for (let line = 0; line < count; line++) output.write(`${JSON.stringify({ line, text: 'x'.repeat(1_000) })}\n`);
  process.send?.('logged');
});
