import { type CacheCase, freshFor, later, notModified, withHeaders } from './cache-case.ts';

const anew = { expect: 'new' } as const;
const again = { expect: 'kept' } as const;

/** How old an answer is, how long it is fresh, and what may happen after (sections 4.2 and 5.1, RFC 5861). */
export const ageing: readonly CacheCase[] = [
  {
    section: '4.2',
    rule: 'an answer is fresh until its lifetime is over, and not for a moment longer',
    turns: [
      { upstream: freshFor(60), ...anew },
      { after: 59, ...again },
      { after: 1, ...anew },
    ],
  },
  {
    section: '5.1',
    rule: 'the age of what was kept goes along',
    turns: [
      { upstream: freshFor(60), ...anew, has: { age: undefined } },
      { after: 7, ...again, has: { age: '7' } },
    ],
  },
  {
    section: '4.2.3',
    rule: 'an age that it brought counts',
    turns: [
      { upstream: freshFor(60, { age: '50' }), ...anew, has: { age: '50' } },
      { after: 9, ...again, has: { age: '59' } },
      { after: 1, ...anew },
    ],
  },
  {
    section: '4.2.3',
    rule: 'an age beyond the lifetime makes it stale at once',
    turns: [{ upstream: freshFor(60, { age: '61' }), ...anew }, anew],
  },
  {
    section: '4.2.3',
    rule: 'an old Date counts as age',
    turns: [
      { upstream: { headers: (now) => ({ date: later(now, -50), 'cache-control': 'max-age=60' }) }, ...anew },
      { after: 5, ...again, has: { age: '55' } },
      { after: 5, ...anew },
    ],
  },
  {
    section: '4.2.3',
    rule: 'a Date of the future is no age',
    turns: [
      { upstream: { headers: (now) => ({ date: later(now, 3_600), 'cache-control': 'max-age=60' }) }, ...anew },
      { after: 59, ...again, has: { age: '59' } },
      { after: 1, ...anew },
    ],
  },
  {
    section: '5.1',
    rule: 'an Age that is no number is ignored',
    turns: [{ upstream: freshFor(60, { age: 'old' }), ...anew }, again],
  },
  {
    section: '5.1',
    rule: 'of several ages the first counts',
    turns: [{ upstream: freshFor(60, { age: '0, 7200' }), ...anew }, again],
  },
  {
    section: '5.1',
    rule: 'a negative Age is ignored',
    turns: [
      { upstream: freshFor(60, { age: '-7200' }), ...anew },
      { after: 3, ...again, has: { age: '3' } },
    ],
  },
  {
    section: '4.2.3',
    rule: 'an answer without Date counts from when it came (RFC 9110 section 6.6.1)',
    turns: [
      { upstream: withHeaders({ date: null, 'cache-control': 'max-age=60' }), ...anew },
      { after: 59, ...again, has: { age: '59', date: /GMT$/ } },
      { after: 1, ...anew },
    ],
  },
  {
    section: '4.2.4',
    rule: 'a stale answer does not go out without being checked',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, upstream: { ...notModified }, expect: 'validated' },
    ],
  },
  {
    section: '4.2.4',
    rule: 'a stale answer does not stand in for a failure without leave',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, upstream: { status: 503 }, status: 503, ...anew },
    ],
  },
  {
    section: 'RFC 5861 section 3',
    rule: 'stale-while-revalidate: it goes out stale, and a new one is fetched behind it',
    turns: [
      { upstream: freshFor(1, { 'cache-control': 'max-age=1, stale-while-revalidate=10' }), ...anew },
      { after: 12, ...anew },
    ],
  },
  ...([500, 502, 503, 504] as const).map(
    (status): CacheCase => ({
      section: 'RFC 5861 section 4',
      rule: `stale-if-error: it stands in for ${status}`,
      turns: [
        { upstream: withHeaders({ 'cache-control': 'max-age=1, stale-if-error=60' }), ...anew },
        {
          after: 30,
          upstream: { status },
          expect: 'stale',
          has: { age: '30', 'cache-status': new RegExp(`fwd=stale; fwd-status=${status}; ttl=-29`) },
        },
      ],
    }),
  ),
  {
    section: 'RFC 5861 section 4',
    rule: 'stale-if-error: it stands in for an answer that breaks off',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'max-age=1, stale-if-error=60' }), ...anew },
      { after: 30, upstream: { breaksOff: true }, expect: 'stale' },
    ],
  },
  {
    section: 'RFC 5861 section 4',
    rule: 'stale-if-error: not after its time',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'max-age=1, stale-if-error=60' }), ...anew },
      { after: 62, upstream: { status: 503 }, status: 503, ...anew },
    ],
  },
  {
    section: 'RFC 5861 section 4',
    rule: 'stale-if-error: not for 501 or 404',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'max-age=1, stale-if-error=60' }), ...anew },
      { after: 2, upstream: { status: 501 }, status: 501, ...anew },
      { upstream: { status: 404 }, status: 404, ...anew },
    ],
  },
  {
    section: 'RFC 5861 section 4',
    rule: 'stale-if-error: also when the client asks for it',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, headers: { 'cache-control': 'stale-if-error=60' }, upstream: { status: 503 }, expect: 'stale' },
    ],
  },
  ...['must-revalidate', 'proxy-revalidate', 's-maxage=1', 'no-cache'].map(
    (directive): CacheCase => ({
      section: directive === 'no-cache' ? '5.2.2.4' : '4.2.4',
      rule: `${directive}: it does not stand in for a failure, whatever else is said`,
      turns: [
        {
          upstream: withHeaders({ 'cache-control': `max-age=1, ${directive}, stale-if-error=60`, etag: '"1"' }),
          ...anew,
        },
        {
          after: 2,
          headers: { 'cache-control': 'max-stale, stale-if-error=60' },
          upstream: { status: 503 },
          status: 503,
          ...anew,
        },
      ],
    }),
  ),
];
