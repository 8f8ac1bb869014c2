import { type CacheCase, freshFor, notModified, withHeaders } from './cache-case.ts';

const anew = { expect: 'new' } as const;
const again = { expect: 'kept' } as const;
const pair = (
  rule: string,
  vary: string,
  first: Record<string, string>,
  second: Record<string, string>,
  expect: 'kept' | 'new',
): CacheCase => ({
  section: '4.1',
  rule,
  turns: [
    { headers: first, upstream: freshFor(60, { vary }), ...anew },
    { headers: second, expect },
  ],
});

/** Which answer fits a request (section 4.1). */
export const varying: readonly CacheCase[] = [
  pair('the same header selects the same answer', 'foo', { foo: '1' }, { foo: '1' }, 'kept'),
  pair('another value selects another one', 'foo', { foo: '1' }, { foo: '2' }, 'new'),
  pair('a missing header is no value', 'foo', { foo: '1' }, {}, 'new'),
  pair('a header that was missing is no value', 'foo', {}, { foo: '1' }, 'new'),
  pair('both without it', 'foo', {}, {}, 'kept'),
  pair('the case of names in Vary does not count', 'FOO', { foo: '1' }, { foo: '2' }, 'new'),
  pair('the case of values counts', 'foo', { foo: 'a' }, { foo: 'A' }, 'new'),
  pair('white space between members does not count', 'foo', { foo: '1,2' }, { foo: '1 ,  2' }, 'kept'),
  pair('the order of members counts', 'foo', { foo: '1, 2' }, { foo: '2, 1' }, 'new'),
  pair('headers that are not named do not count', 'foo', { foo: '1', bar: '1' }, { foo: '1', bar: '2' }, 'kept'),
  pair('all of several names count', 'foo, bar', { foo: '1', bar: '1' }, { foo: '1', bar: '2' }, 'new'),
  pair('several names alike', 'foo, bar', { foo: '1', bar: '1' }, { bar: '1', foo: '1' }, 'kept'),
  pair('Vary: * fits nothing', '*', {}, {}, 'new'),
  pair('Vary: * among others fits nothing', 'foo, *', { foo: '1' }, { foo: '1' }, 'new'),
  pair('Accept-Encoding selects', 'accept-encoding', { 'accept-encoding': 'gzip' }, { 'accept-encoding': 'br' }, 'new'),
  pair('Cookie selects', 'cookie', { cookie: 'a=1' }, { cookie: 'a=2' }, 'new'),
  {
    section: '4.1',
    rule: 'several answers at one address are kept side by side',
    turns: [
      { headers: { foo: '1' }, upstream: freshFor(60, { vary: 'foo' }), ...anew },
      { headers: { foo: '2' }, upstream: { ...freshFor(60, { vary: 'foo' }), body: 'two' }, ...anew },
      { headers: { foo: '2' }, ...again },
      { headers: { foo: '3' }, upstream: freshFor(60, { vary: 'foo' }), ...anew },
      { headers: { foo: '3' }, ...again },
    ],
  },
  {
    section: '4.1',
    rule: 'a newer answer with the same selection takes the place of the older one',
    turns: [
      { headers: { foo: '1' }, upstream: freshFor(1, { vary: 'foo' }), ...anew },
      { after: 2, headers: { foo: '1' }, upstream: freshFor(60, { vary: 'foo' }), ...anew },
      { headers: { foo: '1' }, ...again },
    ],
  },
  {
    section: '4.1',
    rule: 'of several that fit the newest counts',
    turns: [
      { headers: { foo: '1' }, upstream: freshFor(60, { vary: 'foo' }), ...anew },
      { after: 1, headers: { foo: '2' }, upstream: freshFor(60), ...anew },
      { headers: { foo: '1' }, ...again },
    ],
  },
  {
    section: '4.1',
    rule: 'Vary on Authorization: each caller has an answer of its own',
    turns: [
      { as: 'alice', upstream: withHeaders({ 'cache-control': 'public, max-age=60', vary: 'authorization' }), ...anew },
      { as: 'alice', ...again },
      { as: 'bob', upstream: withHeaders({ 'cache-control': 'public, max-age=60', vary: 'authorization' }), ...anew },
      { as: 'bob', ...again },
    ],
  },
  {
    section: '4.3.1',
    rule: 'a stale answer is checked only for requests that it fits',
    turns: [
      { headers: { foo: '1' }, upstream: freshFor(0, { vary: 'foo', etag: '"1"' }), ...anew },
      { headers: { foo: '2' }, ...anew, upstreamSees: { 'if-none-match': undefined } },
    ],
  },
  {
    section: '4.1',
    rule: 'a checked answer keeps its selection',
    turns: [
      { headers: { foo: '1' }, upstream: freshFor(1, { vary: 'foo', etag: '"1"' }), ...anew },
      {
        after: 2,
        headers: { foo: '1' },
        upstream: { ...notModified, headers: { 'cache-control': 'max-age=60' } },
        expect: 'validated',
      },
      { headers: { foo: '1' }, ...again },
      { headers: { foo: '2' }, ...anew },
    ],
  },
];
