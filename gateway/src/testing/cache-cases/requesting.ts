import { type CacheCase, freshFor, notModified, withHeaders } from './cache-case.ts';

const anew = { expect: 'new' } as const;
const again = { expect: 'kept' } as const;
const asks = (cacheControl: string): { readonly headers: Record<string, string> } => ({
  headers: { 'cache-control': cacheControl },
});

/** What clients ask of a cache (sections 5.2.1 and 5.4). */
export const requesting: readonly CacheCase[] = [
  {
    section: '5.2.1.4',
    rule: 'no-cache: what is fresh is checked',
    turns: [
      { upstream: freshFor(60, { etag: '"1"' }), ...anew },
      {
        ...asks('no-cache'),
        upstream: notModified,
        expect: 'validated',
        has: { 'cache-status': /fwd=request; fwd-status=304/ },
      },
    ],
  },
  {
    section: '5.2.1.4',
    rule: 'no-cache: what cannot be checked is fetched',
    turns: [{ upstream: freshFor(60), ...anew }, { ...asks('no-cache'), upstream: freshFor(60), ...anew }, again],
  },
  {
    section: '5.4',
    rule: 'Pragma: no-cache counts where there is no Cache-Control',
    turns: [
      { upstream: freshFor(60), ...anew },
      { headers: { pragma: 'no-cache' }, ...anew },
    ],
  },
  {
    section: '5.4',
    rule: 'Pragma: no-cache counts for nothing next to Cache-Control',
    turns: [
      { upstream: freshFor(60), ...anew },
      { headers: { pragma: 'no-cache', 'cache-control': 'max-stale' }, ...again },
    ],
  },
  {
    section: '5.4',
    rule: 'Pragma in an answer counts for nothing',
    turns: [{ upstream: freshFor(60, { pragma: 'no-cache' }), ...anew }, again],
  },
  {
    section: '5.2.1.1',
    rule: 'max-age=0: what is fresh is checked',
    turns: [
      { upstream: freshFor(60, { etag: '"1"' }), ...anew },
      { ...asks('max-age=0'), upstream: notModified, expect: 'validated' },
    ],
  },
  {
    section: '5.2.1.1',
    rule: 'max-age: older than that is checked, younger is not',
    turns: [
      { upstream: freshFor(60, { etag: '"1"' }), ...anew },
      { after: 10, ...asks('max-age=10'), ...again },
      { after: 1, ...asks('max-age=10'), upstream: notModified, expect: 'validated' },
    ],
  },
  {
    section: '5.2.1.3',
    rule: 'min-fresh: what is not fresh for so much longer is checked',
    turns: [
      { upstream: freshFor(60, { etag: '"1"' }), ...anew },
      { after: 40, ...asks('min-fresh=19'), ...again },
      { ...asks('min-fresh=21'), upstream: notModified, expect: 'validated' },
    ],
  },
  {
    section: '5.2.1.2',
    rule: 'max-stale: what is not staler than that may go out',
    turns: [
      { upstream: freshFor(10), ...anew },
      { after: 15, ...asks('max-stale=5'), ...again, has: { age: '15', 'cache-status': 'grapevine; hit; ttl=-5' } },
      { after: 1, ...asks('max-stale=5'), ...anew },
    ],
  },
  {
    section: '5.2.1.2',
    rule: 'max-stale without a time: however stale',
    turns: [
      { upstream: freshFor(10), ...anew },
      { after: 3_000, ...asks('max-stale'), ...again },
    ],
  },
  {
    section: '5.2.1.5',
    rule: 'no-store: the answer is not kept',
    turns: [{ ...asks('no-store'), upstream: freshFor(60), ...anew }, anew],
  },
  {
    section: '5.2.1.5',
    rule: 'no-store: what was kept before may go out',
    turns: [
      { upstream: freshFor(60), ...anew },
      { ...asks('no-store'), ...again },
    ],
  },
  {
    section: '5.2.1.7',
    rule: 'only-if-cached: what is fresh goes out',
    turns: [
      { upstream: freshFor(60), ...anew },
      { ...asks('only-if-cached'), ...again },
    ],
  },
  {
    section: '5.2.1.7',
    rule: 'only-if-cached: 504 when there is nothing',
    turns: [{ ...asks('only-if-cached'), status: 504, expect: 'kept' }],
  },
  {
    section: '5.2.1.7',
    rule: 'only-if-cached: 504 when it is known that nothing can be kept',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'no-store' }), ...anew },
      { ...asks('only-if-cached'), status: 504, ...again },
    ],
  },
  {
    section: '5.2.1.7',
    rule: 'only-if-cached: 504 when it is stale',
    turns: [
      { upstream: freshFor(1), ...anew },
      { after: 2, ...asks('only-if-cached'), status: 504, ...again },
    ],
  },
  {
    section: '5.2.1',
    rule: 'unknown directives of a client are ignored',
    turns: [
      { upstream: freshFor(60), ...anew },
      { ...asks('foo=1, bar'), ...again },
    ],
  },
  {
    section: 'RFC 9211 section 2',
    rule: 'Cache-Status says that the answer was kept, and for how much longer it is fresh',
    turns: [
      { upstream: freshFor(60), ...anew, has: { 'cache-status': 'grapevine; fwd=uri-miss; stored' } },
      { after: 7, ...again, has: { 'cache-status': 'grapevine; hit; ttl=53' } },
    ],
  },
  {
    section: 'RFC 9211 section 2',
    rule: 'Cache-Status says that the answer was checked, or fetched because it was stale, or did not fit',
    turns: [
      { upstream: freshFor(1, { etag: '"1"', vary: 'foo' }), ...anew },
      {
        after: 2,
        upstream: notModified,
        expect: 'validated',
        has: { 'cache-status': /^grapevine; fwd=stale; fwd-status=304; / },
      },
      { headers: { foo: '1' }, ...anew, has: { 'cache-status': /^grapevine; fwd=vary-miss/ } },
    ],
  },
  {
    section: 'RFC 9211 section 2',
    rule: 'what caches behind the gateway said comes first',
    turns: [
      {
        upstream: withHeaders({ 'cache-control': 'max-age=60', 'cache-status': 'inner; hit' }),
        ...anew,
        has: { 'cache-status': /^inner; hit, grapevine; / },
      },
      { ...again, has: { 'cache-status': /^inner; hit, grapevine; hit/ } },
    ],
  },
];
