import assert from 'node:assert/strict';
import { test } from 'node:test';
import { help, readOptions } from './options.ts';

const benchmarks = [
  { name: 'append', title: 'durable append' },
  { name: 'tree', title: 'one tree' },
];
const read = (...args: readonly string[]) => readOptions(args, benchmarks);

test('all benchmarks, or those that are named, in one order', () => {
  assert.deepEqual(read(), { chosen: benchmarks, writesDocument: false });
  assert.deepEqual(read('--docs'), { chosen: benchmarks, writesDocument: true });
  assert.deepEqual(read('tree')?.chosen, benchmarks.slice(1));
  assert.deepEqual(read('tree', 'append')?.chosen, benchmarks);
});

test('help has every name', () => {
  assert.equal(read('--help'), undefined);
  assert.match(help(benchmarks), /^ {2}append {2}durable append\n {2}tree {4}one tree$/m);
});

test('what is wrong is refused before anything is measured', () => {
  assert.throws(() => read('shrub'), /no benchmark shrub; expected any of: append, tree\./);
  assert.throws(() => read('--rounds'), /--rounds/);
  assert.throws(() => read('tree', '--docs'), /--docs needs all/);
});
