import { type CacheCase, freshFor, later, notModified, withHeaders } from './cache-case.ts';

const again = { expect: 'kept' } as const;
const anew = { expect: 'new' } as const;
const kept = (rule: string, section: string, headers: Record<string, string>): CacheCase => ({
  section,
  rule,
  turns: [{ upstream: withHeaders(headers), ...anew }, again],
});
const notKept = (rule: string, section: string, headers: Record<string, string | null>): CacheCase => ({
  section,
  rule,
  turns: [{ upstream: withHeaders(headers), ...anew }, anew],
});
const ofStatus = (status: number, expect: 'kept' | 'new'): CacheCase => ({
  section: '3',
  rule: `a fresh answer with status ${status} is ${expect === 'kept' ? '' : 'not '}kept`,
  turns: [
    { upstream: { ...freshFor(60), status, ...(status === 204 ? { body: '' } : {}) }, status, ...anew },
    { expect, status: expect === 'kept' ? status : 200 },
  ],
});

/** What is kept, and for whom (sections 3, 5.2.2, 5.3). */
export const storing: readonly CacheCase[] = [
  kept('an answer with max-age is kept', '5.2.2.1', { 'cache-control': 'max-age=60' }),
  kept('names of directives are case-insensitive', '5.2', { 'cache-control': 'Max-Age=60' }),
  kept('an argument may be a quoted string', '5.2', { 'cache-control': 'max-age="60"' }),
  kept('unknown directives are ignored', '5.2.3', { 'cache-control': 'foo, bar="a, no-store", max-age=60, baz=1' }),
  kept('a directive inside a quoted string is none', '5.2', { 'cache-control': 'foo="no-store", max-age=60' }),
  kept('an empty list member is none', '5.2', { 'cache-control': ', ,max-age=60,' }),
  kept('an answer with s-maxage is kept', '5.2.2.10', { 'cache-control': 's-maxage=60' }),
  kept('s-maxage counts before max-age', '5.2.2.10', { 'cache-control': 'max-age=0, s-maxage=60' }),
  notKept('s-maxage counts before max-age also when it is shorter', '5.2.2.10', {
    'cache-control': 's-maxage=0, max-age=60',
  }),
  {
    section: '5.3',
    rule: 'an answer with Expires in the future is kept',
    turns: [{ upstream: { headers: (now) => ({ expires: later(now, 60) }) }, ...anew }, again],
  },
  {
    section: '5.3',
    rule: 'max-age counts before Expires',
    turns: [
      { upstream: { headers: (now) => ({ expires: later(now, -60), 'cache-control': 'max-age=60' }) }, ...anew },
      again,
    ],
  },
  {
    section: '5.3',
    rule: 'max-age=0 counts before an Expires in the future',
    turns: [
      { upstream: { headers: (now) => ({ expires: later(now, 60), 'cache-control': 'max-age=0' }) }, ...anew },
      anew,
    ],
  },
  {
    section: '5.3',
    rule: 'Expires counts from Date, not from the clock of the cache',
    turns: [
      { upstream: { headers: (now) => ({ date: later(now, -3_600), expires: later(now, -3_540) }) }, ...anew },
      anew,
    ],
  },
  {
    section: '5.3',
    rule: 'an Expires in the form of RFC 850 counts',
    turns: [{ upstream: withHeaders({ expires: 'Sunday, 06-Nov-33 08:49:37 GMT' }), ...anew }, again],
  },
  {
    section: '5.3',
    rule: 'an Expires in the form of asctime counts',
    turns: [{ upstream: withHeaders({ expires: 'Sun Nov  6 08:49:37 2033' }), ...anew }, again],
  },
  notKept('Expires: 0 is the past', '5.3', { expires: '0' }),
  notKept('an Expires that is no date is the past', '5.3', { expires: 'tomorrow' }),
  notKept('an Expires in a zone other than GMT is no date', '5.3', { expires: 'Sun, 06 Nov 2033 08:49:37 CET' }),
  notKept('a max-age that is no number makes it stale', '4.2.1', { 'cache-control': 'max-age=soon' }),
  notKept('a negative max-age makes it stale', '4.2.1', { 'cache-control': 'max-age=-60' }),
  notKept('a max-age with a fraction makes it stale', '4.2.1', { 'cache-control': 'max-age=6.5' }),
  kept('a max-age beyond all numbers is very long', '1.2.2', { 'cache-control': 'max-age=99999999999999999999' }),
  kept('of two max-age the first counts', '4.2.1', { 'cache-control': 'max-age=60, max-age=0' }),
  notKept('no-store', '5.2.2.5', { 'cache-control': 'no-store, max-age=60' }),
  notKept('NO-STORE', '5.2.2.5', { 'cache-control': 'NO-STORE, max-age=60' }),
  notKept('no-store is found among directives that cannot be read', '5.2', {
    'cache-control': 'max-age=60, @@=?, no-store',
  }),
  notKept('private', '5.2.2.7', { 'cache-control': 'private, max-age=60' }),
  notKept('private with the name of a header counts without it', '5.2.2.7', {
    'cache-control': 'private="x-secret", max-age=60',
  }),
  kept('no-store next to must-understand, of a status that is understood', '5.2.2.3', {
    'cache-control': 'must-understand, no-store, max-age=60',
  }),
  {
    section: '5.2.2.3',
    rule: 'must-understand with a status that is not understood',
    turns: [
      { upstream: { status: 299, headers: { 'cache-control': 'must-understand, max-age=60' } }, status: 299, ...anew },
      anew,
    ],
  },
  notKept('an answer that says nothing is not called fresh', '4.2.2', {}),
  notKept('an answer with public alone is not called fresh', '5.2.2.9', { 'cache-control': 'public' }),
  {
    section: '4.2.2',
    rule: 'an answer with Last-Modified alone is kept and checked',
    turns: [
      { upstream: withHeaders({ 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' }), ...anew },
      { upstream: notModified, expect: 'validated' },
    ],
  },
  notKept('an answer that sets a cookie is for one caller (RFC 6265 section 3)', '7.3', {
    'cache-control': 'max-age=60',
    'set-cookie': 'a=1',
  }),
  {
    section: '2',
    rule: 'the query is a part of the address',
    turns: [
      { query: '?a', upstream: freshFor(60), ...anew },
      { query: '?b', upstream: freshFor(60), ...anew },
      { query: '?b', ...again },
    ],
  },
  {
    section: '2',
    rule: 'the host is a part of the address',
    turns: [
      { headers: { host: 'a.example' }, upstream: freshFor(60), ...anew },
      { headers: { host: 'b.example' }, ...anew },
    ],
  },
  {
    section: '2',
    rule: 'the case of a host and its default port are none (RFC 9110 section 4.2.3)',
    turns: [
      { headers: { host: 'a.example' }, upstream: freshFor(60), ...anew },
      { headers: { host: 'A.Example:80' }, ...again },
    ],
  },
  ...[200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410].map((status) => ofStatus(status, 'kept')),
  ...[206, 400, 403, 405, 413, 414, 416, 429, 431, 500].map((status) => ofStatus(status, 'new')),
  {
    section: '3',
    rule: 'a redirect that says nothing is not kept',
    turns: [{ upstream: { status: 302, headers: { etag: '"1"' } }, status: 302, ...anew }, anew],
  },
  {
    section: '3.3',
    rule: 'an answer that broke off is not kept',
    turns: [{ upstream: { ...freshFor(60), breaksOff: true }, status: 502, ...anew }, anew],
  },
  {
    section: '3',
    rule: 'the answer to a POST is not kept',
    turns: [{ method: 'POST', body: 'x', upstream: freshFor(60), ...anew }, anew],
  },
  {
    section: '3',
    rule: 'the answer to OPTIONS is not kept',
    turns: [{ method: 'OPTIONS', upstream: freshFor(60), ...anew }, anew],
  },
  {
    section: '3.1',
    rule: 'headers of the connection are not kept',
    turns: [
      { upstream: freshFor(60, { connection: 'x-inner', 'x-inner': '1', 'x-outer': '2' }), ...anew },
      { ...again, has: { 'x-inner': undefined, 'x-outer': '2' } },
    ],
  },
  {
    section: '3.1',
    rule: 'headers that nobody knows are kept',
    turns: [
      { upstream: freshFor(60, { 'x-unknown': 'a, b' }), ...anew },
      { ...again, has: { 'x-unknown': 'a, b' } },
    ],
  },
];
