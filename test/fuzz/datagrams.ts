/**
 * A long run: `node test/fuzz/datagrams.ts --count 1000000 --seed 1`. Ends with status 1 when a promise is broken, and prints
 * the seed and number of the datagram, or when memory grows.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DatagramFuzzer } from './datagram-fuzzer.ts';
import { DecoderFuzzer } from './decoder-fuzzer.ts';

/** Between two looks at memory there is room for a cache to fill, but not for a leak of a few bytes per datagram. */
const allowedGrowthBytes = 8 * 1024 * 1024;
const report = 100_000;
/** The other decoders get something after so many datagrams: all six together take longer than one. */
const datagramsPerTurn = 10;

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.count);
const seed = Number(values.seed);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const fuzzer = new DatagramFuzzer(seed);
const decoders = new DecoderFuzzer(seed);
let number = 0;

function run(until: number): void {
  for (; number < until; number++) {
    fuzzer.check(fuzzer.next());
    if (number % datagramsPerTurn === 0) decoders.check();
  }
}

try {
  run(Math.ceil(count / 10));
  const before = usedBytes();
  while (number < count) {
    run(Math.min(count, number + report));
    console.log(
      `${number} datagrams, ${((usedBytes() - before) / 1024).toFixed(0)} KiB more than after the first tenth`,
    );
  }
  const growth = usedBytes() - before;
  console.log(fuzzer.outcomes, decoders.outcomes);
  if (growth > allowedGrowthBytes)
    throw new Error(`Memory grew by ${growth} bytes, expected at most ${allowedGrowthBytes}.`);
} catch (error) {
  console.error(
    `Failed at datagram ${number}. To run it again: node test/fuzz/datagrams.ts --seed ${seed} --count ${count}`,
  );
  console.error(error);
  process.exitCode = 1;
}
