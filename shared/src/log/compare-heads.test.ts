import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { type ComparedNode, compareHeads, type RootAt } from './compare-heads.ts';

/** The root of a log is modelled by a text that depends on its history and its size. */
const root = (history: string, size: number): string => `${history}@${size}`;

function node(name: string, logs: Readonly<Record<string, readonly [history: string, size: number]>>): ComparedNode {
  const heads = Object.entries(logs).map(([origin, [history, size]]) => ({ origin, size, root: root(history, size) }));
  return { node: name, heads };
}

const askNobody: RootAt = () => assert.fail('asked for a root that is in the heads already');
const histories =
  (a: string, b: string): RootAt =>
  async (side, _origin, size) =>
    root(side === 'a' ? a : b, size);

test('same sizes and roots are equal, and nobody is asked for older roots', async () => {
  const logs = { o1: ['x', 3], o2: ['y', 9] } as const;
  const comparison = await compareHeads(node('a', logs), node('b', logs), askNobody);
  assert.equal(comparison.verdict, 'equal');
  assert.deepEqual(
    comparison.origins.map(({ origin, state }) => [origin, state]),
    [
      ['o1', 'equal'],
      ['o2', 'equal'],
    ],
  );
});

test('the bigger side is asked for its root at the smaller size', async () => {
  const asked: unknown[] = [];
  const rootAt: RootAt = async (...question) => {
    asked.push(question);
    return root('x', question[2]);
  };
  const behind = await compareHeads(node('a', { o: ['x', 3] }), node('b', { o: ['x', 10] }), rootAt);
  assert.deepEqual(asked, [['b', 'o', 3]]);
  assert.deepEqual(
    { verdict: behind.verdict, behindBy: behind.behindBy, aheadBy: behind.aheadBy },
    { verdict: 'behind', behindBy: 7, aheadBy: 0 },
  );
  const ahead = await compareHeads(node('a', { o: ['x', 10] }), node('b', { o: ['x', 3] }), rootAt);
  assert.deepEqual(asked[1], ['a', 'o', 3]);
  assert.deepEqual({ verdict: ahead.verdict, aheadBy: ahead.aheadBy }, { verdict: 'ahead', aheadBy: 7 });
});

test('different roots are a fork, whether the sizes differ or not', async () => {
  const same = await compareHeads(node('a', { o: ['x', 3] }), node('b', { o: ['y', 3] }), askNobody);
  assert.equal(same.verdict, 'forked');
  const different = await compareHeads(
    node('a', { o: ['x', 3], p: ['z', 1] }),
    node('b', { o: ['y', 5] }),
    histories('x', 'y'),
  );
  assert.equal(different.verdict, 'forked');
  assert.equal(different.aheadBy, 1, 'the other origin is still counted');
  assert.deepEqual(different.origins[0], { origin: 'o', state: 'forked', sizeA: 3, sizeB: 5, by: 0 });
});

test('a log that one side lacks is lag, and lag both ways is diverged', async () => {
  const comparison = await compareHeads(node('a', { o: ['x', 3] }), node('b', { p: ['y', 5] }), askNobody);
  assert.deepEqual(
    { verdict: comparison.verdict, behindBy: comparison.behindBy, aheadBy: comparison.aheadBy },
    { verdict: 'diverged', behindBy: 5, aheadBy: 3 },
  );
});

test('an empty log contradicts nothing', async () => {
  const comparison = await compareHeads(node('a', { o: ['other', 0] }), node('b', { o: ['x', 4] }), askNobody);
  assert.equal(comparison.verdict, 'behind');
  const both = await compareHeads(node('a', { o: ['x', 0] }), node('b', {}), askNobody);
  assert.equal(both.verdict, 'equal');
});

test('a side that cannot give a root that its own head covers is an error, never a verdict', async () => {
  const comparing = compareHeads(node('a', { o: ['x', 3] }), node('b', { o: ['x', 5] }), async () => undefined);
  await assert.rejects(comparing, (error) => error instanceof GrapevineError && error.code === 'UPSTREAM_FAILED');
});

test('many origins are asked for a few at a time', async () => {
  const names = Array.from({ length: 100 }, (_, i) => `o${i}`);
  const logs = (size: number) => Object.fromEntries(names.map((name) => [name, ['x', size] as const]));
  let running = 0;
  let most = 0;
  const rootAt: RootAt = async (_side, _origin, size) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return root('x', size);
  };
  const comparison = await compareHeads(node('a', logs(1)), node('b', logs(2)), rootAt);
  assert.equal(comparison.behindBy, 100);
  assert.ok(most <= 8, `${most} questions at once`);
});
