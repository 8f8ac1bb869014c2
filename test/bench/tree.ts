import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Benchmark, Contender } from './harness.ts';
import { installRivals } from './rivals.ts';
import type { TreeWay } from './tree-build.ts';

const leaves = 1_000_000;

const ways: readonly { readonly name: string; readonly way: TreeWay }[] = [
  { name: 'grapevine', way: 'grapevine' },
  { name: 'grapevine, in tiles as on disk', way: 'grapevine-tiles' },
  { name: 'merkletreejs with createHash', way: 'merkletreejs-createHash' },
  // The rival at its best: the hash function is the caller's, and few know of crypto.hash.
  { name: 'merkletreejs with crypto.hash', way: 'merkletreejs-hash' },
];

/** Building one tree from leaf hashes that are there already, all nodes kept in memory. */
export const tree: Benchmark = {
  name: 'tree',
  title: `one tree over ${leaves.toLocaleString('en-US')} leaf hashes, all nodes kept in memory, CPU time of the process`,
  figures: [{ unit: 'ms', better: 'lower', targets: [{ against: 'merkletreejs with createHash', must: 7 }] }],
  rounds: 5,
  prepare: async () => {
    installRivals((line) => console.error(line));
    return { contenders: ways.map(contender) };
  },
};

/** Each run has a process of its own, so that nobody works in a heap that another one has filled. */
function contender({ name, way }: (typeof ways)[number]): Contender {
  return {
    name,
    run: async () => {
      const child = fork(new URL('./tree-build.ts', import.meta.url), [way, `${leaves}`]);
      const exited = once(child, 'exit');
      let ms: unknown;
      child.on('message', (figure) => {
        ms = figure;
      });
      const [code] = await exited;
      if (typeof ms !== 'number') throw new Error(`${name} ended with code ${code} and without a figure`);
      return [ms];
    },
  };
}
