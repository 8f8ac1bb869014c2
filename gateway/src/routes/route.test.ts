import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RouteConfig, routes } from '@grapevine/shared/config/route-schema.ts';
import { pathSegments } from './request-target.ts';
import { Route } from './route.ts';

/** A route with these settings on top of the least that one needs. */
function route(settings: object): Route {
  const input = { name: 'x', path: '/**', upstream: 'web', scopes: 'public', ...settings };
  const [config] = routes.parse([input]) as [RouteConfig];
  return new Route(config);
}

function matches(path: string, target: string): boolean {
  return route({ path }).matchesPath(pathSegments(target));
}

test('paths: exact, everything below, and names for one segment', () => {
  const cases: [path: string, yes: string[], no: string[]][] = [
    ['/', ['/', '/?a'], ['/a']],
    ['/**', ['/', '/a', '/a/b'], []],
    ['/a', ['/a', '/%61'], ['/a/', '/a/b', '/b', '/']],
    ['/a/', ['/a/'], ['/a', '/a/b']],
    ['/a/**', ['/a', '/a/', '/a/b/c'], ['/ab', '/b/a']],
    ['/a/{x}', ['/a/b', '/a/b%2Fc'], ['/a', '/a/', '/a/b/c']],
    ['/a/{x}/**', ['/a/b', '/a/b/c', '/a/b/'], ['/a', '/a/']],
    ['/a/{x}/b', ['/a/y/b'], ['/a/y/c', '/a/b', '/a/y/z/b']],
  ];
  for (const [path, yes, no] of cases) {
    for (const target of yes) assert.ok(matches(path, target), `${path} should match ${target}`);
    for (const target of no) assert.ok(!matches(path, target), `${path} should not match ${target}`);
  }
});

test('an encoded slash is data in a segment that the path leaves open by a name, and nowhere else', () => {
  const { path } = { path: '/a/{x}/**' };
  assert.ok(route({ path }).allowsSlashes(pathSegments('/a/b%2Fc/d')));
  assert.ok(!route({ path }).allowsSlashes(pathSegments('/a/b/c%2Fd')));
  assert.ok(!route({ path: '/**' }).allowsSlashes(pathSegments('/a%2Fb')));
});

test('hosts: in any case, with any port, and below a domain', () => {
  const some = route({ hosts: ['api.example.org', '*.example.net'] });
  for (const host of ['api.example.org', 'API.Example.ORG:8080', 'a.example.net', 'a.b.example.net']) {
    assert.ok(some.takes(host, {}), host);
  }
  for (const host of ['example.org', 'xapi.example.org', 'example.net', 'aexample.net', '', undefined]) {
    assert.ok(!some.takes(host, {}), String(host));
  }
});

test('headers: absent, present, equal, containing', () => {
  const some = route({ headers: { a: 'absent', b: 'present', c: { equals: '1' }, d: { contains: 'x/y' } } });
  assert.ok(some.takes('a', { b: '', c: '1', d: 'a, x/y;q=1' }));
  for (const headers of [
    { c: '1', d: 'x/y' },
    { a: '', b: '', c: '1', d: 'x/y' },
    { b: '', c: '11', d: 'x/y' },
    { b: '', c: '1' },
  ]) {
    assert.ok(!some.takes('a', headers), JSON.stringify(headers));
  }
});

test('scopes: by method, else for reading or writing, else none', () => {
  const some = route({ scopes: { read: 'messages:read', write: 'messages:write', DELETE: 'cluster:admin' } });
  const found = ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE'].map((method) => some.scopeFor(method));
  assert.deepEqual(found, ['messages:read', 'messages:read', 'messages:read', 'messages:write', 'cluster:admin']);
  assert.equal(route({}).scopeFor('POST'), undefined);
});

test('a rewritten path keeps what comes behind its beginning, byte for byte', () => {
  const cases: [path: string, rewrite: string, target: string, expected: string][] = [
    ['/mobile/v2/**', '/mobile/v1', '/mobile/v2/a%2Fb/c?x=/d', '/mobile/v1/a%2Fb/c?x=/d'],
    ['/mobile/v2/**', '/v', '/mobile/v2', '/v'],
    ['/mobile/v2/**', '', '/mobile/v2?x=1', '/?x=1'],
    ['/mobile/v2/**', '', '/mobile/v2/', '/'],
    ['/a/{x}/**', '/b', '/a/c/d', '/b/c/d'],
    ['/**', '/api', '/a/b', '/api/a/b'],
    ['/**', '/api', '/', '/api/'],
  ];
  for (const [path, rewrite, target, expected] of cases) {
    assert.equal(route({ path, rewrite }).targetFor(target), expected, `${path} ${target}`);
  }
  assert.equal(route({}).targetFor('/a?b'), '/a?b');
});

test('what may not be configured', () => {
  const cases: [settings: object, reason: RegExp][] = [
    [{ path: 'a' }, /expected a path/],
    [{ path: '/a/**/b' }, /expected a path/],
    [{ path: '/a/../b' }, /expected a path/],
    [{ path: '/a%2Fb' }, /expected a path/],
    [{ hosts: ['Example.org:80'] }, /expected a host name/],
    [{ redirect: '/b' }, /either upstream or redirect/],
    [{ upstream: undefined }, /either upstream or redirect/],
    [{ upstream: undefined, redirect: '/b', scopes: { read: 'messages:read', write: 'messages:read' } }, /public/],
    [{ redirect: '//evil.example/', upstream: undefined }, /path of this site/],
    [{ redirect: '/\\evil.example/', upstream: undefined }, /path of this site/],
    [{ scopes: { read: 'messages:read' } }, /write/],
    [{ scopes: { read: 'root', write: 'root' } }, /scopes/],
    [{ methods: ['TRACE'] }, /methods/],
    [{ rate: { perSecond: 2, burst: 1 } }, /at least as many/],
    [{ requestHeaders: { set: { 'grapevine-identity': 'x' } } }, /cannot be rewritten/],
    [{ requestHeaders: { set: { 'content-length': '1' } } }, /cannot be rewritten/],
    [{ requestHeaders: { set: { 'x-a': 'a\r\nb: c' } } }, /printable ASCII/],
    [{ answerHeaders: { remove: ['transfer-encoding'] } }, /cannot be rewritten/],
    [{ deprecation: { since: 'soon' } }, /date/i],
    [{ colour: 'red' }, /colour/],
  ];
  for (const [settings, reason] of cases) assert.throws(() => route(settings), reason, JSON.stringify(settings));
  const twice = { name: 'x', path: '/', upstream: 'web', scopes: 'public' } as const;
  assert.throws(() => routes.parse([twice, twice]), /two routes are called x/);
});
