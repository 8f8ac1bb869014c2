/**
 * A long run: `node test/e2e/chaos/main.ts --seconds 60 --seed 7`. Ends with status 1 when something was lost, doubled or
 * damaged. The same seed breaks the same things in the same order.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runChaos } from './run-chaos.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);

try {
  await runChaos({ seed, seconds, print: (line) => console.log(line) });
} catch (error) {
  console.error(error);
  console.error(`To break the same things again: node test/e2e/chaos/main.ts --seconds ${seconds} --seed ${seed}`);
  process.exitCode = 1;
}
