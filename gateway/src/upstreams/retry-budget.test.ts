import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryBudget } from './retry-budget.ts';

function retries(budget: RetryBudget, nowMs: number, most = 1_000): number {
  let count = 0;
  while (count < most && budget.retry(nowMs)) count++;
  return count;
}

test('ten a second are always possible, and a share of the requests comes on top', () => {
  const budget = new RetryBudget(0.25, 0);
  assert.equal(retries(budget, 0), 10);
  assert.equal(retries(budget, 500), 5);
  for (let request = 0; request < 100; request++) budget.request();
  assert.equal(retries(budget, 500), 25);
});

test('no more is saved up than ten seconds bring', () => {
  const budget = new RetryBudget(1, 0);
  for (let request = 0; request < 10_000; request++) budget.request();
  assert.equal(retries(budget, 3_600_000), 100);
});
