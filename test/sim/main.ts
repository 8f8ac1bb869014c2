import { parseArgs } from 'node:util';
import { runScenario } from './scenario.ts';

const help = `Runs a whole cluster in one process on simulated time, network and disks.

  npm run sim -- [--nodes 5] [--seed 7] [--steps 20000]

  --nodes   replicas, 1 to 1000
  --seed    everything that happens follows from it; 0 to 4294967295
  --steps   events to process under faults before all is healed

Exit code 0 when every promise held, 1 when one was broken, 2 for a wrong option.
`;

function main(): number {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const { nodes, seed, steps } = options;
  const startedMs = performance.now();
  try {
    const { world, traceHash, convergenceMs, simulatedMs, messages } = runScenario(options);
    const { sent, lost, cutOff, duplicated, bytes } = world.network.counts;
    const { crashes, partitions, published, rejected, streams, brokenStreams } = world.counts;
    console.log(
      `${nodes} nodes, seed ${seed}: ${world.counts.steps} steps, ${(simulatedMs / 1000).toFixed(1)} simulated seconds`,
    );
    console.log(
      `  faults      ${crashes} crashes, ${partitions} partitions, ${lost} of ${sent} datagrams lost, ${cutOff} cut off, ${duplicated} doubled`,
    );
    console.log(`  messages    ${published} published, ${messages} acknowledged, ${rejected} publishes rejected`);
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
    console.error(`Replay it with: npm run sim -- --nodes ${nodes} --seed ${seed} --steps ${steps}`);
    return 1;
  }
}

function readOptions(): { nodes: number; seed: number; steps: number } | number {
  try {
    const { values } = parseArgs({
      options: {
        nodes: { type: 'string', default: '5' },
        seed: { type: 'string', default: '7' },
        steps: { type: 'string', default: '20000' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      console.log(help);
      return 0;
    }
    return {
      nodes: wholeNumber('nodes', values.nodes, 1, 1_000),
      seed: wholeNumber('seed', values.seed, 0, 0xffff_ffff),
      steps: wholeNumber('steps', values.steps, 1, 100_000_000),
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

process.exitCode = main();
