import { parseArgs } from 'node:util';
import { drawPlan } from './plan/draw-plan.ts';
import { runPlan } from './run-plan.ts';

const help = `Runs a whole cluster in one process on simulated time, network and disks.

  npm run sim -- [--seed 7] [--nodes 5] [--for 20000]

  --seed    everything that happens follows from it; 0 to 4294967295
  --nodes   replicas, 1 to 1000, instead of as many as the seed says
  --for     simulated milliseconds under faults, instead of as many as the seed says

Exit code 0 when every promise held, 1 when one was broken, 2 for a wrong option.
`;

interface Options {
  readonly seed: number;
  readonly nodes?: number;
  readonly endMs?: number;
}

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const { seed } = options;
  const startedMs = performance.now();
  try {
    const plan = drawPlan(seed, options);
    const { world, traceHash, convergenceMs, simulatedMs, messages } = await runPlan(plan);
    const { sent, lost, cutOff, duplicated, bytes } = world.network.counts;
    const { events, crashes, partitions, streams, brokenStreams } = world.counts;
    const { published, refused } = world.clients.counts;
    console.log(
      `seed ${seed}, ${plan.settings.nodes} nodes: ${events} events, ${(simulatedMs / 1000).toFixed(1)} simulated seconds`,
    );
    console.log(
      `  faults      ${crashes} crashes, ${partitions} partitions, ${lost} of ${sent} datagrams lost, ${cutOff} cut off, ${duplicated} doubled`,
    );
    console.log(`  messages    ${published} published, ${messages} acknowledged, ${refused} publishes refused`);
    console.log(
      `  traffic     ${(bytes / 1024).toFixed(0)} KiB in datagrams; ${streams} catch-ups by stream, ${brokenStreams} of them broke`,
    );
    console.log(
      `  convergence ${(convergenceMs / 1000).toFixed(2)} s after the faults ended: all roots equal, and equal to a rebuild from raw entries`,
    );
    console.log(`  trace hash  ${traceHash}`);
    console.log(`  ${((performance.now() - startedMs) / 1000).toFixed(1)} s of real time`);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? `${error.name}: ${error.message}` : error);
    console.error(`Replay it with: npm run sim -- --seed ${seed}`);
    return 1;
  }
}

function readOptions(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        nodes: { type: 'string' },
        seed: { type: 'string', default: '7' },
        for: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      console.log(help);
      return 0;
    }
    return {
      seed: wholeNumber('seed', values.seed, 0, 0xffff_ffff),
      ...(values.nodes === undefined ? {} : { nodes: wholeNumber('nodes', values.nodes, 1, 1_000) }),
      ...(values.for === undefined ? {} : { endMs: wholeNumber('for', values.for, 1, 3_600_000) }),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error('See npm run sim -- --help');
    return 2;
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name}: found ${text}, expected a whole number from ${least} to ${most}`);
}

process.exitCode = await main();
