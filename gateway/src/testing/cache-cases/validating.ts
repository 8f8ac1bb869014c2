import { type CacheCase, freshFor, notModified, withHeaders } from './cache-case.ts';

const anew = { expect: 'new' } as const;
const again = { expect: 'kept' } as const;
const validated = { upstream: notModified, expect: 'validated' } as const;
const long = 'Sun, 06 Nov 1994 08:49:37 GMT';
const byClient = (
  rule: string,
  section: string,
  kept: Record<string, string>,
  headers: Record<string, string>,
  status: number,
): CacheCase => ({
  section,
  rule,
  turns: [
    { upstream: freshFor(60, kept), ...anew },
    { headers, status, ...again },
  ],
});

/** Conditions that the gateway asks under, and those of clients (sections 4.3 and 3.2). */
export const validating: readonly CacheCase[] = [
  {
    section: '4.3.1',
    rule: 'a stale answer is checked by its ETag',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, ...validated, upstreamSees: { 'if-none-match': '"1"' } },
    ],
  },
  {
    section: '4.3.1',
    rule: 'a stale answer is checked by its Last-Modified',
    turns: [
      { upstream: freshFor(1, { 'last-modified': long }), ...anew },
      { after: 2, ...validated, upstreamSees: { 'if-modified-since': long, 'if-none-match': undefined } },
    ],
  },
  {
    section: '4.3.1',
    rule: 'a weak ETag goes as it is',
    turns: [
      { upstream: freshFor(1, { etag: 'W/"1"' }), ...anew },
      { after: 2, ...validated, upstreamSees: { 'if-none-match': 'W/"1"' } },
    ],
  },
  {
    section: '4.3.3',
    rule: 'a full answer takes the place of the one that was checked',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, upstream: freshFor(60, { etag: '"2"' }), ...anew },
      again,
    ],
  },
  {
    section: '4.3.3',
    rule: 'a server error goes to the client, and what is kept stays',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, upstream: { status: 500, body: 'broken' }, status: 500, expect: 'new' },
      { upstream: { status: 304, body: '' }, expect: 'validated' },
    ],
  },
  {
    section: '4.3.4',
    rule: 'a 304 makes it fresh again',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, upstream: { ...notModified, headers: { 'cache-control': 'max-age=60' } }, expect: 'validated' },
      { after: 30, ...again, has: { age: '30' } },
    ],
  },
  {
    section: '3.2',
    rule: 'headers of a 304 take the place of those that were kept; others stay',
    turns: [
      { upstream: freshFor(1, { etag: '"1"', 'x-a': '1', 'x-b': '1' }), ...anew },
      {
        after: 2,
        upstream: { ...notModified, headers: { 'x-a': '2', 'cache-control': 'max-age=60' } },
        expect: 'validated',
        has: { 'x-a': '2', 'x-b': '1' },
      },
      { ...again, has: { 'x-a': '2', 'x-b': '1' } },
    ],
  },
  {
    section: '3.2',
    rule: 'a 304 does not change what tells of the body',
    turns: [
      { upstream: freshFor(1, { etag: '"1"', 'content-type': 'text/a' }), ...anew },
      {
        after: 2,
        upstream: { ...notModified, headers: { 'content-type': 'text/b', 'content-encoding': 'gzip' } },
        expect: 'validated',
        has: { 'content-type': 'text/a', 'content-encoding': undefined },
      },
    ],
  },
  {
    section: '4.3.4',
    rule: 'a 304 about another ETag confirms nothing: the answer is fetched',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, upstream: { ...notModified, headers: { etag: '"2"' } }, status: 304, ...anew },
      { upstream: freshFor(60), ...anew },
    ],
  },
  {
    section: '5.2.2.4',
    rule: 'no-cache: checked every time',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'no-cache, max-age=60', etag: '"1"' }), ...anew },
      validated,
      validated,
    ],
  },
  {
    section: '5.2.2.4',
    rule: 'no-cache with the name of a header counts without it',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'no-cache="foo", max-age=60', etag: '"1"' }), ...anew },
      validated,
    ],
  },
  {
    section: '5.2.2.4',
    rule: 'no-cache: the client cannot have it unchecked',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'no-cache, max-age=60', etag: '"1"' }), ...anew },
      { ...validated, headers: { 'cache-control': 'max-stale' } },
    ],
  },
  byClient('If-None-Match that fits gets 304', '4.3.2', { etag: '"1"' }, { 'if-none-match': '"1"' }, 304),
  byClient('If-None-Match of another ETag gets it whole', '4.3.2', { etag: '"1"' }, { 'if-none-match': '"2"' }, 200),
  byClient('one of several that fits is enough', '4.3.2', { etag: '"1"' }, { 'if-none-match': '"0", "1"' }, 304),
  byClient('a comma inside an ETag parts nothing', '4.3.2', { etag: '"a,b"' }, { 'if-none-match': '"a,b"' }, 304),
  byClient('If-None-Match compares weakly', '4.3.2', { etag: 'W/"1"' }, { 'if-none-match': '"1"' }, 304),
  byClient('If-None-Match: * fits everything', '4.3.2', { etag: '"1"' }, { 'if-none-match': '*' }, 304),
  byClient('an ETag without quotes fits nothing', '4.3.2', { etag: '"1"' }, { 'if-none-match': '1' }, 200),
  byClient(
    'If-Modified-Since that fits gets 304',
    '4.3.2',
    { 'last-modified': long },
    { 'if-modified-since': long },
    304,
  ),
  byClient(
    'If-Modified-Since of an earlier time gets it whole',
    '4.3.2',
    { 'last-modified': long },
    { 'if-modified-since': 'Sun, 06 Nov 1994 08:49:36 GMT' },
    200,
  ),
  byClient(
    'If-Modified-Since that is no date counts for nothing',
    '4.3.2',
    { 'last-modified': long },
    { 'if-modified-since': 'yesterday' },
    200,
  ),
  byClient(
    'If-None-Match counts before If-Modified-Since',
    '4.3.2',
    { etag: '"1"', 'last-modified': long },
    { 'if-none-match': '"2"', 'if-modified-since': long },
    200,
  ),
  {
    section: '4.3.2',
    rule: 'a 304 of our own says what RFC 9110 section 15.4.5 asks for, and nothing of the body',
    turns: [
      { upstream: freshFor(60, { etag: '"1"', vary: 'foo', 'content-type': 'text/a', 'x-a': '1' }), ...anew },
      {
        after: 3,
        headers: { 'if-none-match': '"1"' },
        status: 304,
        ...again,
        has: {
          etag: '"1"',
          vary: 'foo',
          'cache-control': 'max-age=60',
          age: '3',
          'content-type': undefined,
          'content-length': undefined,
        },
      },
    ],
  },
  {
    section: '4.3.2',
    rule: 'a client that has what a 304 confirms gets one too',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, headers: { 'if-none-match': '"1"' }, ...validated, status: 304 },
    ],
  },
  {
    section: '4.3.2',
    rule: 'a client that has something older gets what a 304 confirms',
    turns: [
      { upstream: freshFor(1, { etag: '"1"' }), ...anew },
      { after: 2, headers: { 'if-none-match': '"0"' }, ...validated, upstreamSees: { 'if-none-match': '"1"' } },
    ],
  },
  {
    section: '4.3.2',
    rule: 'a client that has what is fetched for the first time gets 304, and the answer is kept',
    turns: [
      {
        upstream: freshFor(60, { etag: '"1"', 'content-type': 'text/plain' }),
        headers: { 'if-none-match': '"1"' },
        ...anew,
        status: 304,
        has: { etag: '"1"', 'cache-status': 'grapevine; fwd=uri-miss; stored', 'content-type': undefined },
        upstreamSees: { 'if-none-match': undefined },
      },
      { headers: { 'if-none-match': '"1"' }, ...again, status: 304 },
    ],
  },
  {
    section: '4.3.2',
    rule: 'a client that has something older gets the whole of what is fetched',
    turns: [{ upstream: freshFor(60, { etag: '"1"' }), headers: { 'if-none-match': '"0"' }, ...anew }],
  },
  {
    section: '4.3.2',
    rule: 'If-Match is for the origin to judge',
    turns: [
      { upstream: freshFor(60, { etag: '"1"' }), ...anew },
      { headers: { 'if-match': '"1"' }, ...anew, upstreamSees: { 'if-match': '"1"' } },
    ],
  },
  {
    section: '4.3.2',
    rule: 'If-Unmodified-Since is for the origin to judge',
    turns: [
      { upstream: freshFor(60), ...anew },
      { headers: { 'if-unmodified-since': long }, ...anew, upstreamSees: { 'if-unmodified-since': long } },
    ],
  },
  {
    section: '3.4',
    rule: 'a part is asked of the origin, and its answer not kept',
    turns: [
      {
        headers: { range: 'bytes=0-1' },
        upstream: { ...freshFor(60, { 'content-range': 'bytes 0-1/9' }), status: 206 },
        status: 206,
        ...anew,
        upstreamSees: { range: 'bytes=0-1' },
      },
      { upstream: freshFor(60), ...anew },
      { headers: { range: 'bytes=0-1' }, upstream: { status: 206, body: 'ab' }, status: 206, ...anew },
    ],
  },
  {
    section: '4.3.5',
    rule: 'HEAD is answered from what is kept of GET (RFC 9110 section 9.3.2)',
    turns: [
      { upstream: freshFor(60, { 'x-a': '1' }), ...anew },
      { method: 'HEAD', ...again, has: { 'x-a': '1', 'content-length': /^\d+$/ } },
    ],
  },
  {
    section: '4.3.5',
    rule: 'the answer to HEAD is not kept for GET',
    turns: [{ method: 'HEAD', upstream: freshFor(60), ...anew }, anew],
  },
  {
    section: '4.3.5',
    rule: 'what HEAD shows to have changed is given up',
    turns: [
      { upstream: withHeaders({ 'cache-control': 'max-age=60', etag: '"1"' }), ...anew },
      { method: 'HEAD', headers: { 'cache-control': 'no-cache' }, upstream: freshFor(60, { etag: '"2"' }), ...anew },
      anew,
    ],
  },
  {
    section: '4.3.5',
    rule: 'what HEAD shows to be the same stays',
    turns: [
      { upstream: { ...freshFor(60, { etag: '"1"' }), body: 'same' }, ...anew },
      {
        method: 'HEAD',
        headers: { 'cache-control': 'no-cache' },
        upstream: { ...freshFor(60, { etag: '"1"' }), body: 'same' },
        ...anew,
      },
      again,
    ],
  },
];
