/** Measures how an empty node joins a cluster with a long history: `--messages 1000000 --body-bytes 256`. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { freeBasePort } from '../../fixtures/free-base-port.ts';
import { temporaryFolder } from '../cluster.ts';
import { untilRootsEqual } from '../node-api.ts';
import { NodeFamily, type NodeProcess } from '../node-process.ts';
import { publishHistory } from './history.ts';
import { Writer } from './writer.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    'body-bytes': { type: 'string', default: '256' },
  },
});
const messages = Number(values.messages);
const longestMs = 30 * 60_000;

/** Private memory now and the most that was resident, page cache of the data files included, as Linux counts them. */
async function memoryOf({ pid }: NodeProcess): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const megabytes = (field: string): string => {
    const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status) ?? [];
    return kilobytes === undefined ? '?' : `${Math.round(Number(kilobytes) / 1024)}`;
  };
  return `${megabytes('RssAnon')} MiB private, ${megabytes('VmHWM')} MiB resident at most`;
}

async function cpuSeconds(node: NodeProcess): Promise<number> {
  const found = [...(await node.api.metrics())].find(([name]) => name.startsWith('process_cpu_seconds_total'));
  return found?.[1] ?? Number.NaN;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1_000;
}

await using folder = await temporaryFolder();
await using family = await NodeFamily.create({ dataDir: folder.path, basePort: await freeBasePort(2) });
const holder = await family.start(1);
const filling = await seconds(() => publishHistory(holder.api, messages, Number(values['body-bytes'])));
console.log(`published    ${messages} messages in ${filling.toFixed(1)} s`);
console.log(`the holder   ${await memoryOf(holder)}`);
const before = await cpuSeconds(holder);
const writer = new Writer(holder.api);
const joiner = await family.start(2);
const report = setInterval(async () => {
  const [own] = await joiner.api.members();
  console.log(`  ${JSON.stringify(own?.catchUp)}, ${await memoryOf(joiner)}`);
}, 5_000);
const joining = await seconds(async () => {
  while ((await joiner.api.root()).messages < messages) await new Promise((resolve) => setTimeout(resolve, 100));
  await writer.stop();
  await untilRootsEqual([holder.api, joiner.api], longestMs);
});
clearInterval(report);
console.log(`caught up    in ${joining.toFixed(1)} s, ${Math.round(messages / joining)} messages/s, roots are equal`);
console.log(`the joiner   ${(await cpuSeconds(joiner)).toFixed(1)} s of CPU, ${await memoryOf(joiner)}`);
console.log(`the holder   ${((await cpuSeconds(holder)) - before).toFixed(1)} s of CPU, ${await memoryOf(holder)}`);
console.log(`meanwhile    ${writer.accepted.length} messages were published`);
