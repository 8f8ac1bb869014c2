import assert from 'node:assert/strict';
import { test } from 'node:test';
import { painter } from './paint.ts';
import { printable } from './printable.ts';
import { table } from './table.ts';

test('columns are as wide as their widest cell, and lines end with the terminal', () => {
  const rows = [
    ['node', 'state'],
    ['node-1', 'alive'],
  ];
  assert.equal(table(rows, undefined), 'node    state\nnode-1  alive');
  assert.equal(table(rows, 10), 'node    s…\nnode-1  a…');
  assert.equal(table([], 10), '');
});

test("another's text cannot steer the terminal", () => {
  assert.equal(printable('a\u001b[31m\r\u0007\u009b\u202eb\u200f'), 'a\\u001b[31m\\u000d\\u0007\\u009b\\u202eb\\u200f');
  assert.equal(printable('tab\tline\nüñ 🍇'), 'tab\tline\nüñ 🍇');
});

test('colours only where they are wanted', () => {
  const output = { write: () => {}, columns: undefined };
  assert.equal(painter({ ...output, colour: false }).red('x'), 'x');
  assert.equal(painter({ ...output, colour: true }).red('x'), '\u001b[31mx\u001b[39m');
});
