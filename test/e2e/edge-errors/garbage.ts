import fc from 'fast-check';
import type { RequestOptions } from '../clients.ts';
import { publishOperation } from './refusals.ts';

export interface GarbageRequest {
  readonly path: string;
  readonly request: RequestOptions;
}

const documents = [
  '{ topics(first: 2) { edges { cursor node { name count digest messages(first: 1) { totalCount } } } } }',
  '{ messages(topic: "orders", last: 3) { edges { node { id body inclusionProof { __typename } } } } }',
  'mutation { publish(input: {topic: "garbage", body: "x", acks: 1}) { heldBy message { id seq } } }',
  'query ($id: ID!) { message(id: $id) { id ...F } } fragment F on Message { headers key }',
  '{ __schema { types { name fields { name args { name } } } } }',
];

/** Any text that `fetch` can send as a part of a path. */
const segment = fc.oneof(
  fc.constantFrom(
    'mobile',
    'v1',
    'topics',
    'messages',
    'orders',
    'proof',
    'sync',
    'cluster',
    'web',
    'graphql',
    'console',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }).map(encodeURIComponent),
  fc.constantFrom('%00', '%2f', '%5c', '%ff', '%', '..;', '*', 'a'.repeat(3_000)),
);
const query = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'limit',
        'after',
        'before',
        'since',
        'topics',
        'acks',
        'timeoutMs',
        'query',
        'variables',
        'x',
        '__proto__',
        'limit[]',
      ),
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.constantFrom('', '0', '-1', '1e9', 'null', '[]', '{', 'end'),
      ),
    ),
    { maxLength: 4 },
  )
  .map((pairs) => (pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`));
const path = fc
  .tuple(
    fc.oneof(
      fc.constantFrom('/mobile/v1/topics', '/mobile/v1/topics/garbage/messages', '/mobile/v1/sync', '/web/graphql'),
      fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`),
    ),
    query,
  )
  .map((parts) => parts.join(''));

/** A text with one piece cut out, doubled or replaced. */
function mangled(text: string): fc.Arbitrary<string> {
  const place = fc.nat(text.length);
  return fc
    .tuple(place, fc.nat(12), fc.string({ unit: 'binary', maxLength: 6 }))
    .map(([at, length, instead]) => text.slice(0, at) + instead + text.slice(at + length));
}

const validBodies = [
  JSON.stringify({ body: 'x', key: 'k', headers: { a: 'b' }, contentType: 'text/plain' }),
  JSON.stringify(publishOperation({ topic: 'garbage', body: 'x' })),
  ...documents.map((document) => JSON.stringify({ query: document, variables: { id: 'ab'.repeat(32) } })),
];
const body: fc.Arbitrary<RequestOptions> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ raw: Uint8Array.from(bytes) })),
  fc
    .constantFrom(...validBodies)
    .chain(mangled)
    .map((raw) => ({ raw })),
  fc
    .constantFrom(...documents)
    .chain(mangled)
    .map((document) => ({ json: { query: document, variables: { id: 'x' } } })),
  fc.json({ noUnicodeString: false, maxDepth: 4 }).map((raw) => ({ raw })),
  fc.jsonValue({ maxDepth: 2 }).map((value) => ({ json: { body: 'x', headers: value } })),
  fc
    .jsonValue({ maxDepth: 2 })
    .map((value) => ({ json: { query: documents[3], variables: value, extensions: value } })),
);

const requests: fc.Arbitrary<GarbageRequest> = fc.oneof(
  fc.record({
    path,
    request: fc.constantFrom('GET', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH').map((method) => ({ method })),
  }),
  fc.record({
    path,
    request: fc.tuple(fc.constantFrom('POST', 'POST', 'PUT'), body).map(([method, rest]) => ({ method, ...rest })),
  }),
);

/** Requests of a client gone mad; the same for the same seed. */
export function garbageRequests(count: number, seed: number): GarbageRequest[] {
  return fc.sample(requests, { numRuns: count, seed });
}
