import { type CacheCase, freshFor } from './cache-case.ts';

const anew = { expect: 'new' } as const;
const again = { expect: 'kept' } as const;
const write = (method: string, status: number, headers: Record<string, string> = {}) =>
  ({ method, upstream: { status, headers, body: status === 204 ? '' : 'done' }, status, ...anew }) as const;
const after = (rule: string, turn: ReturnType<typeof write>, expect: 'kept' | 'new'): CacheCase => ({
  section: '4.4',
  rule,
  turns: [{ upstream: freshFor(60), ...anew }, turn, { expect }],
});

/** What a write takes out of the cache (section 4.4). */
export const invalidating: readonly CacheCase[] = [
  ...['POST', 'PUT', 'PATCH', 'DELETE'].map((method) =>
    after(`${method} that succeeds takes it out`, write(method, 200), 'new'),
  ),
  after('201 is a success', write('PUT', 201), 'new'),
  after('204 is a success', write('DELETE', 204), 'new'),
  after('a redirect is no error', write('POST', 303, { location: '/elsewhere' }), 'new'),
  after('a client error leaves it', write('POST', 400), 'kept'),
  after('a server error leaves it', write('POST', 500), 'kept'),
  after('HEAD leaves it', { ...write('HEAD', 200, { 'cache-control': 'no-store' }), expect: 'kept' } as never, 'kept'),
  after('OPTIONS leaves it', write('OPTIONS', 200), 'kept'),
  {
    section: '4.4',
    rule: 'another query is another address',
    turns: [
      { query: '?a', upstream: freshFor(60), ...anew },
      { query: '?b', ...write('POST', 200) },
      { query: '?a', ...again },
    ],
  },
  {
    section: '4.4',
    rule: 'all that is kept at an address goes, whatever it varies by',
    turns: [
      { headers: { foo: '1' }, upstream: freshFor(60, { vary: 'foo' }), ...anew },
      { headers: { foo: '2' }, upstream: freshFor(60, { vary: 'foo' }), ...anew },
      write('POST', 200),
      { headers: { foo: '1' }, ...anew },
      { headers: { foo: '2' }, ...anew },
    ],
  },
  {
    section: '4.4',
    rule: 'what one caller changes is gone for all others',
    turns: [
      { as: 'alice', upstream: freshFor(60, { 'cache-control': 'public, max-age=60' }), ...anew },
      { as: 'bob', ...again },
      { as: 'carol', ...write('POST', 200) },
      { as: 'bob', ...anew },
    ],
  },
  {
    section: '4.4',
    rule: 'what Location names goes as well',
    turns: [
      { query: '?a', upstream: freshFor(60), ...anew },
      { query: '?b', ...write('POST', 201, { location: '?a' }) },
      { query: '?a', ...anew },
    ],
  },
  {
    section: '4.4',
    rule: 'what Content-Location names goes as well',
    turns: [
      { query: '?a', upstream: freshFor(60), ...anew },
      { query: '?b', ...write('PUT', 200, { 'content-location': '?a' }) },
      { query: '?a', ...anew },
    ],
  },
  {
    section: '4.4',
    rule: 'what Location names at another host stays: one site must not empty the cache of another',
    turns: [
      { headers: { host: 'a.example' }, query: '?a', upstream: freshFor(60), ...anew },
      { headers: { host: 'b.example' }, ...write('POST', 201, { location: 'http://a.example/open/elsewhere?a' }) },
      { headers: { host: 'a.example' }, query: '?a', ...again },
    ],
  },
];
