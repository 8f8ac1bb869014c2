import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkConfig } from './load.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-config-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'grapevine.yaml');

/** The problems of a file, each as `line:column message`. */
function problemsOf(text: string): string[] {
  writeFileSync(file, text);
  const { problems } = checkConfig({ file, environment: {} });
  return problems.map(({ place, message }) => `${place.slice(file.length + 1)} ${message}`);
}

test('problems inside lists are placed where they stand, all at once', () => {
  const problems = problemsOf(`gateway:
  routes:
    - name: good
      path: /a/**
      upstream: web
      scopes: public
    - name: bad
      path: /b
      upstream: wbe
      scopes: public
    - {name: worse, path: c, upstream: web, scopes: public}
  upstreams:
    web: ['http://127.0.0.1:1', 'http://127.0.0.1:2/path']
`);
  assert.deepEqual(problems.map((line) => line.split(' ')[0]).sort(), ['11:21', '13:33', '9:7']);
  assert.match(problems.join('\n'), /gateway\.routes\.1\.upstream: there is no upstream wbe/);
  assert.match(problems.join('\n'), /gateway\.routes\.2\.path: expected a path such as/);
  assert.match(problems.join('\n'), /gateway\.upstreams\.web\.1: expected scheme, host and port only/);
});

test('a route to an upstream that is not there hears of those that are', () => {
  const text = 'gateway:\n  routes:\n    - {name: a, path: /, upstream: wbe, scopes: public}\n';
  assert.deepEqual(problemsOf(text), [
    '3:26 gateway.routes.0.upstream: there is no upstream wbe; expected one of web, mobile',
  ]);
});

test('an upstream at an address where clouds hand out credentials is refused', () => {
  const text = (url: string): string => `gateway:\n  upstreams:\n    web: ['${url}']\n`;
  for (const url of ['http://169.254.169.254', 'http://0xa9fea9fe', 'http://[fe80::1]', 'http://[::ffff:a9fe:a9fe]']) {
    assert.match(problemsOf(text(url)).join(), /^3:\d+ gateway\.upstreams\.web.*: .*link-local or metadata/, url);
  }
  assert.deepEqual(problemsOf(text('http://10.0.0.1')), []);
});
