import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RouteConfig, routes } from '@grapevine/shared/config/route-schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { EdgeRequest } from '../request-context.ts';
import { RouteTable } from './route-table.ts';

/** The names of the routes that a table of these finds, or the code of the error. Each request is made twice, as what it says of its path is remembered. */
function finder(...settings: object[]): (url: string, method?: string, headers?: object) => string {
  const input = settings.map((one) => ({ upstream: 'web', scopes: 'public', ...one }));
  const table = new RouteTable(routes.parse(input) as RouteConfig[], { development: false });
  const find = (url: string, method: string, headers: object): string => {
    try {
      const match = table.find({ url, method, headers: { host: 'a', ...headers } } as unknown as EdgeRequest);
      return 'route' in match ? match.route.name : `not ${match.otherMethods.map(({ name }) => name).join(' ')}`;
    } catch (error) {
      if (error instanceof GrapevineError) return error.code;
      throw error;
    }
  };
  return (url, method = 'GET', headers = {}) => {
    const first = find(url, method, headers);
    assert.equal(find(url, method, headers), first, 'what is remembered changes nothing');
    return first;
  };
}

test('of routes with the same path host, headers and method decide, each time anew', () => {
  const find = finder(
    { name: 'beta', path: '/a/**', headers: { 'x-beta': 'present' } },
    { name: 'other-host', path: '/a/**', hosts: ['b'] },
    { name: 'read', path: '/a/**', methods: ['GET'] },
    { name: 'write', path: '/a/**', methods: ['POST'] },
  );
  assert.equal(find('/a/x'), 'read');
  assert.equal(find('/a/x', 'GET', { 'x-beta': '1' }), 'beta');
  assert.equal(find('/a/x', 'GET', { host: 'b' }), 'other-host');
  assert.equal(find('/a/x', 'POST'), 'write');
  assert.equal(find('/a/x', 'PUT'), 'not read write');
  assert.equal(find('/b'), 'not ');
});

test('a query is looked at also behind a path that is known', () => {
  const find = finder({ name: 'all', path: '/**' });
  assert.equal(find('/a?b=1'), 'all');
  assert.equal(find('/a?b=2'), 'all');
  for (const query of ['\\', '#', 'é', ' ', '\t']) assert.equal(find(`/a?${query}`), 'BAD_REQUEST', query);
});

test('an encoded slash is taken by the routes that leave its segment open, and by no other', () => {
  const find = finder(
    { name: 'names', path: '/a/{x}/b', methods: ['GET'] },
    { name: 'all', path: '/**', methods: ['GET', 'POST'] },
  );
  assert.equal(find('/a/x%2Fy/b'), 'names');
  assert.equal(find('/a/x%2Fy/b', 'POST'), 'BAD_REQUEST');
  assert.equal(find('/a/x%2Fy/b', 'PUT'), 'not names all');
  assert.equal(find('/a%2Fx'), 'BAD_REQUEST');
});
