import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { pathOf, pathSegments } from './request-target.ts';

test('segments are decoded for matching, the query is not looked at', () => {
  assert.deepEqual(pathSegments('/'), ['']);
  assert.deepEqual(pathSegments('/console/'), ['console', '']);
  assert.deepEqual(pathSegments('/web/gr%61phql?x=/../%2F'), ['web', 'graphql']);
  assert.equal(pathOf('/a?b?c'), '/a');
});

test('a segment may hold an encoded slash, dots that are not all of it, and a percent sign', () => {
  assert.equal(pathSegments('/mobile/v1/topics/a%2F..%2fb/messages').at(3), 'a/../b');
  assert.deepEqual(pathSegments('/a/100%25/b?x=;&y=%2525'), ['a', '100%', 'b']);
});

test('what hops could read differently is refused', () => {
  const targets = [
    'web',
    '*',
    'http://a/web',
    '/web/..',
    '/./web',
    '/web/%2e',
    '/web/%2E%2e/x',
    '/web//x',
    '//web',
    '/web;x/graphql',
    '/web/graphql;jsessionid=1',
    '/web/%3Bx',
    '/web/%2525',
    '/web/%252e%252e/x',
    '/web/%255c',
    '/mobile/v1/topics/..',
    '/mobile/v1/topics/%2e%2e/messages',
    '/mobile/v1/topics/a%5Cb',
    '/web/a\\b',
    '/web/%00',
    '/web/%7f',
    '/web/%',
    '/web/%c3%28',
    '/web/é',
    '/web/a b',
    '/web/a#b',
  ];
  for (const target of targets) {
    assert.throws(
      () => pathSegments(target),
      (error) => error instanceof GrapevineError && error.code === 'BAD_REQUEST',
      target,
    );
  }
});
