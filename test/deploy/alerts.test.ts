import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { root } from '../runner/test-files.ts';
import { exposedLabels } from './exposition.ts';
import { dashboardExpressions, readAlerts, unknownNames } from './expressions.ts';

const deploy = join(root, 'deploy');

function promtool(...args: readonly string[]): void {
  const path = [join(root, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter);
  const { status, stdout, stderr, error } = spawnSync('promtool', args, {
    cwd: deploy,
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
  });
  assert.equal(status, 0, `${stdout}${stderr}${error ?? ''}`);
}

test('Prometheus takes the configuration and the rules', () => promtool('check', 'config', 'prometheus.yml'));

test('the rules alert when they should, and only then', () => promtool('test', 'rules', 'alerts.test.yml'));

test("the dashboard's expressions are PromQL", async () => {
  await using folder = await temporaryFolder();
  const rules = dashboardExpressions().map(({ promql }, i) => ({ record: `panel:${i}`, expr: promql }));
  assert.ok(rules.length > 30);
  const file = join(folder.path, 'panels.yml');
  await writeFile(file, stringify({ groups: [{ name: 'panels', rules }] }));
  promtool('check', 'rules', file);
});

test('every alert has a runbook, and names it', () => {
  const runbooks = readFileSync(join(root, 'docs/runbooks.md'), 'utf8');
  const headings = [...runbooks.matchAll(/^## (\w+)$/gm)].map(([, heading]) => heading);
  const alerts = readAlerts();
  assert.deepEqual(headings.toSorted(), alerts.map(({ alert }) => alert).toSorted());
  for (const { alert, annotations } of alerts) {
    assert.equal(annotations['runbook_url'], `docs/runbooks.md#${alert.toLowerCase()}`);
  }
});

test('a metric or a label that nobody exposes is found', () => {
  const exposed = exposedLabels(['# HELP x y\ngrapevine_forks{instance="a\\"b",service="c"} 1']);
  const unknown = (promql: string, ...labelsInTexts: readonly string[]): string[] =>
    unknownNames({ place: '', promql, labelsInTexts }, exposed);
  assert.deepEqual(unknown('max by (instance) (grapevine_forks{service="c"}) > 0', 'instance'), []);
  assert.deepEqual(unknown('grapevine_fork > 0'), ['grapevine_fork']);
  assert.deepEqual(unknown('sum by (node) (grapevine_forks{origin=~"x"})', 'topic'), [
    'grapevine_forks{origin}',
    'grapevine_forks{node}',
    'grapevine_forks{topic}',
  ]);
});
