import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Benchmark, measure, meetsTargets, printed, type Report } from './harness.ts';

const noProgress = (): void => undefined;

test('contenders take turns, another one first each round, and the medians are compared', async () => {
  const turns: string[] = [];
  const report = await reportOf(benchmark({ ours: [5, 1, 3], rival: [30, 10, 20] }, 'lower', turns));
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
  assert.equal((await reportOf(benchmark(figures, 'lower'))).contenders[1]?.ratio, 2);
  assert.equal((await reportOf(benchmark(figures, 'higher'))).contenders[1]?.ratio, 0.5);
});

test('a missed target is shown and counts', async () => {
  const missed = await reportOf(benchmark({ ours: [10], rival: [60] }, 'lower'));
  assert.equal(meetsTargets(missed), false);
  assert.match(printed(missed), /rival +60 ms +60–60 +ours is 6\.00× better \(must 7×, aim 9×: MISSED\)/);
  const met = await reportOf(benchmark({ ours: [10], rival: [70] }, 'lower'));
  assert.equal(meetsTargets(met), true);
  assert.match(printed(met), /7\.00× better \(must 7×, aim 9×: met\)/);
});

test('a bound of our own figure counts whatever the rivals do', async () => {
  const bounded = (better: 'lower' | 'higher') =>
    reportOf({
      ...benchmark({ ours: [10], rival: [1] }, better),
      figures: [{ unit: 'ms', better, targets: [{ must: 9 }] }],
    });
  const tooHigh = await bounded('lower');
  assert.equal(meetsTargets(tooHigh), false);
  assert.match(printed(tooHigh), /ours +10 ms +10–10 +\(must 9: MISSED\)/);
  assert.equal(meetsTargets(await bounded('higher')), true);
});

test('each figure of a run has a report of its own', async () => {
  const runs = { ours: [[1, 20]], rival: [[2, 10]] };
  const contenders = Object.entries(runs).map(([name, [run = []]]) => ({ name, run: async () => run }));
  const reports = await measure(
    {
      ...benchmark({ ours: [1] }, 'lower'),
      figures: [
        { what: 'time', unit: 'ms', better: 'lower', targets: [] },
        { what: 'speed', unit: 'm/s', better: 'higher', targets: [] },
      ],
      prepare: async () => ({ contenders }),
    },
    noProgress,
  );
  assert.deepEqual(
    reports.map((report) => [report.title, report.unit, ...report.contenders.map((contender) => contender.median)]),
    [
      ['a test: time', 'ms', 1, 2],
      ['a test: speed', 'm/s', 20, 10],
    ],
  );
});

test('what was started is ended when a contender fails', async () => {
  const turns: string[] = [];
  await assert.rejects(measure(benchmark({ ours: [1], rival: [] }, 'lower', turns), noProgress), /no figure/);
  assert.equal(turns.at(-1), 'closed');
});

async function reportOf(one: Benchmark): Promise<Report> {
  const [report] = await measure(one, noProgress);
  return report ?? assert.fail('no report');
}

function benchmark(figures: Record<string, number[]>, better: 'lower' | 'higher', turns: string[] = []): Benchmark {
  const contenders = Object.entries(figures).map(([name, values]) => {
    const left = [...values];
    return {
      name,
      run: async () => {
        turns.push(name);
        return [left.shift() ?? assert.fail('no figure')];
      },
    };
  });
  return {
    name: 'test',
    title: 'a test',
    figures: [{ unit: 'ms', better, targets: [{ against: 'rival', must: 7, aim: 9 }] }],
    rounds: figures['ours']?.length ?? 0,
    prepare: async () => ({
      contenders,
      close: async () => {
        turns.push('closed');
      },
    }),
  };
}
