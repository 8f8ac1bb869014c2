import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Benchmark, measure, meetsTargets, printed } from './harness.ts';

const noProgress = (): void => undefined;

test('contenders take turns, another one first each round, and the medians are compared', async () => {
  const turns: string[] = [];
  const report = await measure(benchmark({ ours: [5, 1, 3], rival: [30, 10, 20] }, 'lower', turns), noProgress);
  assert.deepEqual(turns, ['ours', 'rival', 'rival', 'ours', 'ours', 'rival', 'closed']);
  assert.deepEqual(
    report.contenders.map(({ median, lowest, highest, ratio }) => [median, lowest, highest, ratio]),
    [
      [3, 1, 5, 1],
      [20, 10, 30, 20 / 3],
    ],
  );
});

test('ratios say how many times better ours is, whichever way is better', async () => {
  const figures = { ours: [10, 20], rival: [30, 30] };
  assert.equal((await measure(benchmark(figures, 'lower'), noProgress)).contenders[1]?.ratio, 2);
  assert.equal((await measure(benchmark(figures, 'higher'), noProgress)).contenders[1]?.ratio, 0.5);
});

test('a missed target is shown and counts', async () => {
  const missed = await measure(benchmark({ ours: [10], rival: [60] }, 'lower'), noProgress);
  assert.equal(meetsTargets(missed), false);
  assert.match(printed(missed), /rival +60 ms +60–60 +ours is 6\.0× better \(must 7×, aim 9×: MISSED\)/);
  const met = await measure(benchmark({ ours: [10], rival: [70] }, 'lower'), noProgress);
  assert.equal(meetsTargets(met), true);
  assert.match(printed(met), /7\.0× better \(must 7×, aim 9×: met\)/);
});

test('what was started is ended when a contender fails', async () => {
  const turns: string[] = [];
  await assert.rejects(measure(benchmark({ ours: [1], rival: [] }, 'lower', turns), noProgress), /no figure/);
  assert.equal(turns.at(-1), 'closed');
});

function benchmark(figures: Record<string, number[]>, better: 'lower' | 'higher', turns: string[] = []): Benchmark {
  const contenders = Object.entries(figures).map(([name, values]) => {
    const left = [...values];
    return {
      name,
      run: async () => {
        turns.push(name);
        return left.shift() ?? assert.fail('no figure');
      },
    };
  });
  return {
    name: 'test',
    title: 'a test',
    unit: 'ms',
    better,
    rounds: figures['ours']?.length ?? 0,
    prepare: async () => ({
      contenders,
      targets: [{ against: 'rival', must: 7, aim: 9 }],
      close: async () => {
        turns.push('closed');
      },
    }),
  };
}
