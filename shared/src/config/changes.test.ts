import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configChanges } from './changes.ts';

test('equal configurations differ in nothing', () => {
  const config = { gateway: { port: 1, routes: [{ name: 'a', path: '/a' }], list: [1, 2] } };
  assert.deepEqual(configChanges(config, structuredClone(config)), []);
});

test('what changed is told option by option, members of lists by their names', () => {
  const before = { port: 1, list: ['x'], routes: [{ name: 'a', timeoutMs: 5 }, { name: 'b' }, { name: 'c' }] };
  const after = {
    port: 2,
    list: ['x', 'y'],
    routes: [{ name: 'c' }, { name: 'a', timeoutMs: 6 }, { name: 'd' }],
    new: {},
  };
  assert.deepEqual(configChanges({ gateway: before }, { gateway: after }), [
    { path: 'gateway.port', before: 1, after: 2 },
    { path: 'gateway.list', before: ['x'], after: ['x', 'y'] },
    { path: 'gateway.routes.a.timeoutMs', before: 5, after: 6 },
    { path: 'gateway.routes.b', before: { name: 'b' } },
    { path: 'gateway.routes.d', after: { name: 'd' } },
    { path: 'gateway.routes (order)', before: ['a', 'b', 'c'], after: ['c', 'a', 'd'] },
    { path: 'gateway.new', after: {} },
  ]);
});

test('secrets do not show', () => {
  const found = configChanges(
    {
      routes: [{ name: 'a', requestHeaders: { set: { 'x-key': 'hush' } } }],
      store: 'redis://u:hush@h/0',
      url: 'https://h/?k=hush',
    },
    {
      routes: [
        { name: 'a', requestHeaders: { set: { 'x-key': 'hush2' } } },
        { name: 'b', requestHeaders: { set: { k: 'hush' } } },
      ],
      store: 'redis://u:hush2@h/0',
      url: 'https://h/?k=hush2',
      password: 'hush',
      keyFile: 'data/key',
    },
  );
  assert.doesNotMatch(JSON.stringify(found), /hush/);
  assert.deepEqual(
    found.map(({ path }) => path),
    ['routes.a.requestHeaders.set.x-key', 'routes.b', 'store', 'url', 'password', 'keyFile'],
  );
  assert.equal(found.at(-1)?.after, 'data/key');
});
