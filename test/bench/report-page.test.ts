import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure } from './harness.ts';
import { performanceDocument, reportPage } from './report-page.ts';

const machine = { node: 'v1', platform: 'linux', arch: 'x64', cpus: 2, model: 'A <fast> one' };
const at = '2026-01-02T03:04:05.000Z';

async function reports() {
  return measure(
    {
      name: 'tree',
      title: 'leaves & nodes',
      figures: [{ unit: 'ms', better: 'lower', targets: [{ against: 'rival', must: 3, aim: 5 }] }],
      rounds: 1,
      prepare: async () => ({
        contenders: [
          { name: 'ours', run: async () => [10] },
          { name: 'rival', run: async () => [25] },
        ],
      }),
    },
    () => {},
  );
}

test('the page needs nothing from elsewhere and says what was measured, also what was missed', async () => {
  const page = reportPage(await reports(), machine, at);
  assert.doesNotMatch(page, /https?:|<script|src=/);
  for (const part of ['leaves &amp; nodes', 'A &lt;fast&gt; one', '25 ms', '2.50×', 'must 3×, aim 5×: missed', at]) {
    assert.ok(page.includes(part), part);
  }
});

test('the document has a row for each rival, with the command that measures it again', async () => {
  const document = performanceDocument(await reports(), machine, at);
  const row =
    '| leaves & nodes (lower is better) | 10 ms (10–10) | rival: 25 ms | 2.50× | must 3×, aim 5×: missed | `npm run bench -- tree` |';
  assert.ok(document.split('\n').includes(row), document);
});
