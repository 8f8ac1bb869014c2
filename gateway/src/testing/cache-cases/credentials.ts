import { type CacheCase, notModified, withHeaders } from './cache-case.ts';

const anew = { expect: 'new' } as const;
const byAlice = (rule: string, cacheControl: string, forAlice: 'kept' | 'new', forBob: 'kept' | 'new'): CacheCase => ({
  section: '3.5',
  rule,
  turns: [
    { as: 'alice', upstream: withHeaders({ 'cache-control': cacheControl }), ...anew },
    { as: 'alice', upstream: withHeaders({ 'cache-control': cacheControl }), expect: forAlice },
    { as: 'bob', expect: forBob },
  ],
});

/** Answers to callers who prove who they are (section 3.5), and what is said to the gateway alone (RFC 9213). */
export const credentials: readonly CacheCase[] = [
  byAlice('the answer to a caller with credentials is not kept', 'max-age=60', 'new', 'new'),
  byAlice('public lets everybody have it', 'public, max-age=60', 'kept', 'kept'),
  byAlice('s-maxage lets everybody have it', 's-maxage=60', 'kept', 'kept'),
  byAlice('must-revalidate lets the same caller have it', 'must-revalidate, max-age=60', 'kept', 'new'),
  byAlice('private counts before public', 'public, private, max-age=60', 'new', 'new'),
  byAlice('no-store counts before public', 'public, no-store, max-age=60', 'new', 'new'),
  byAlice('proxy-revalidate alone lets nobody have it', 'proxy-revalidate, max-age=60', 'new', 'new'),
  {
    section: '3.5',
    rule: 'credentials on a public route keep the answer out as well',
    turns: [
      { headers: { authorization: 'Basic YTpi' }, upstream: withHeaders({ 'cache-control': 'max-age=60' }), ...anew },
      anew,
    ],
  },
  {
    section: '3.5',
    rule: 'what a caller without credentials brought may be used for one with',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'max-age=60' }), ...anew },
      { headers: { authorization: 'Basic YTpi' }, expect: 'kept' },
    ],
  },
  {
    section: '3.5',
    rule: 'everybody has what is public checked',
    turns: [
      { as: 'alice', upstream: withHeaders({ 'cache-control': 'public, max-age=0', etag: '"1"' }), ...anew },
      { as: 'bob', upstream: notModified, expect: 'validated' },
    ],
  },
  {
    section: 'RFC 9213 section 2.1',
    rule: 'what is said to the gateway counts before Cache-Control, and does not leave it',
    turns: [
      {
        as: 'alice',
        upstream: withHeaders({
          'cache-control': 'private, no-store',
          'grapevine-cache-control': 'public, max-age=60',
        }),
        ...anew,
        has: { 'cache-control': 'private, no-store', 'grapevine-cache-control': undefined },
      },
      {
        as: 'bob',
        expect: 'kept',
        has: { 'cache-control': 'private, no-store', 'grapevine-cache-control': undefined },
      },
    ],
  },
  {
    section: 'RFC 9213 section 2.1',
    rule: 'what is said to the gateway counts before Expires',
    turns: [
      {
        upstream: withHeaders({ expires: 'Sun, 06 Nov 2033 08:49:37 GMT', 'grapevine-cache-control': 'no-store' }),
        ...anew,
      },
      anew,
    ],
  },
  {
    section: 'RFC 9213 section 2.2',
    rule: 'nothing said to the gateway counts for nothing',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'max-age=60', 'grapevine-cache-control': ' ' }), ...anew },
      { expect: 'kept' },
    ],
  },
];
