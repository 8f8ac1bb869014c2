/** Requests that must be refused, and how. */
import type { ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import type { RequestOptions } from '../clients.ts';

export interface Refusal {
  readonly what: string;
  readonly path: string;
  readonly request: RequestOptions;
  readonly status: number;
  readonly code: ErrorCode;
}

const graphqlPath = '/web/graphql';
const topicPath = '/mobile/v1/topics/orders/messages';
const unknownId = 'ab'.repeat(32);
const requestLimit = 2 * 1024 * 1024;
const bodyLimit = 256 * 1024;

/** Of a caller that may read and write messages. */
export function refusedRequests(token: string): Refusal[] {
  const rest = (what: string, path: string, request: RequestOptions, status: number, code: ErrorCode): Refusal => ({
    what,
    path,
    request: { token, ...request },
    status,
    code,
  });
  const graphql = (what: string, request: RequestOptions, status: number, code: ErrorCode): Refusal =>
    rest(what, graphqlPath, request, status, code);
  const publish = (what: string, input: object, status: number, code: ErrorCode): Refusal[] => [
    rest(what, topicPath, { json: { body: 'x', ...input } }, status, code),
    graphql(what, { json: publishOperation({ topic: 'orders', body: 'x', ...input }) }, status, code),
  ];
  return [
    // What does not parse.
    rest('a body that is not JSON', topicPath, { raw: '{"body": ' }, 400, 'INVALID_JSON'),
    rest('no body', topicPath, { method: 'POST' }, 415, 'UNSUPPORTED_MEDIA_TYPE'),
    rest('an empty body', topicPath, { raw: '', method: 'POST' }, 400, 'INVALID_JSON'),
    rest('a body that is not UTF-8', topicPath, { raw: invalidUtf8('{"body": "', '"}') }, 400, 'INVALID_JSON'),
    rest('JSON that is no object', topicPath, { json: ['x'] }, 400, 'INVALID_ARGUMENT'),
    rest('a form', topicPath, { raw: 'body=x', headers: formType }, 415, 'UNSUPPORTED_MEDIA_TYPE'),
    graphql('a body that is not JSON', { raw: '{"query": ' }, 400, 'INVALID_JSON'),
    graphql('a body that is not UTF-8', { raw: invalidUtf8('{"query": "{ __typename }', '"}') }, 400, 'INVALID_JSON'),
    graphql('a form', { raw: 'query={__typename}', headers: formType }, 415, 'UNSUPPORTED_MEDIA_TYPE'),
    graphql('no document', { json: {} }, 400, 'BAD_REQUEST'),
    graphql('a document that does not parse', { json: { query: '{ topics(' } }, 400, 'GRAPHQL_PARSE_FAILED'),
    graphql('an unknown field', { json: { query: '{ nothing }' } }, 400, 'GRAPHQL_VALIDATION_FAILED'),
    graphql(
      'an unknown operation name',
      { json: { query: 'query A { __typename }', operationName: 'B' } },
      400,
      'GRAPHQL_VALIDATION_FAILED',
    ),
    graphql('a variable of another type', { json: publishOperation({ topic: 7 }) }, 400, 'GRAPHQL_VALIDATION_FAILED'),
    graphql('too much at once', { json: { query: pagesOfPages } }, 400, 'QUERY_TOO_COMPLEX'),
    graphql('introspection in circles', { json: { query: circles } }, 400, 'GRAPHQL_VALIDATION_FAILED'),
    // What parses and is not allowed.
    rest('a topic with a space', '/mobile/v1/topics/a%20b/messages', {}, 400, 'INVALID_TOPIC'),
    rest('a topic of 201 characters', `/mobile/v1/topics/${'t'.repeat(201)}/messages`, {}, 400, 'INVALID_TOPIC'),
    rest(
      'a topic in other letters',
      '/mobile/v1/topics/%D1%82/messages',
      { json: { body: 'x' } },
      400,
      'INVALID_TOPIC',
    ),
    graphql('a topic with a space', { json: publishOperation({ topic: 'a b', body: 'x' }) }, 400, 'INVALID_TOPIC'),
    graphql('a topic of no characters', { json: publishOperation({ topic: '', body: 'x' }) }, 400, 'INVALID_TOPIC'),
    graphql(
      'reading a topic in other letters',
      { json: { query: '{ messages(topic: "т") { totalCount } }' } },
      400,
      'INVALID_TOPIC',
    ),
    ...publish('a header name in capitals', { headers: { 'X-Trace': '1' } }, 400, 'INVALID_ARGUMENT'),
    ...publish('33 headers', { headers: numberedHeaders(33) }, 400, 'INVALID_ARGUMENT'),
    ...publish('a key of 257 characters', { key: 'k'.repeat(257) }, 400, 'INVALID_ARGUMENT'),
    ...publish('a lone surrogate', { body: 'a\ud800b' }, 400, 'INVALID_ARGUMENT'),
    ...publish('a lone surrogate in a header', { headers: { a: '\udc00' } }, 400, 'INVALID_ARGUMENT'),
    rest('too many acks', `${topicPath}?acks=65`, { json: { body: 'x' } }, 400, 'INVALID_ARGUMENT'),
    rest('an unknown member', topicPath, { json: { body: 'x', colour: 'red' } }, 400, 'INVALID_ARGUMENT'),
    rest('an unknown parameter', `${topicPath}?colour=red`, {}, 400, 'INVALID_ARGUMENT'),
    rest('a limit that is no number', `${topicPath}?limit=many`, {}, 400, 'INVALID_ARGUMENT'),
    rest('a limit of 0', `${topicPath}?limit=0`, {}, 400, 'INVALID_ARGUMENT'),
    rest('a cursor from elsewhere', `${topicPath}?after=abc`, {}, 400, 'INVALID_CURSOR'),
    graphql(
      'a cursor from elsewhere',
      { json: { query: '{ messages(topic: "orders", after: "abc") { totalCount } }' } },
      400,
      'INVALID_CURSOR',
    ),
    // What is too large.
    ...publish('a body of one byte too many', { body: 'b'.repeat(bodyLimit + 1) }, 413, 'PAYLOAD_TOO_LARGE'),
    ...publish('a body of one character too many', { body: `${'é'.repeat(bodyLimit / 2)}!` }, 413, 'PAYLOAD_TOO_LARGE'),
    rest('an oversized request', topicPath, { raw: ' '.repeat(requestLimit + 1) }, 413, 'PAYLOAD_TOO_LARGE'),
    graphql('an oversized request', { raw: ' '.repeat(requestLimit + 1) }, 413, 'PAYLOAD_TOO_LARGE'),
    rest('an oversized request of unknown length', topicPath, { raw: chunks(3) }, 413, 'PAYLOAD_TOO_LARGE'),
    graphql('an oversized request of unknown length', { raw: chunks(3) }, 413, 'PAYLOAD_TOO_LARGE'),
    rest(
      'oversized headers',
      '/mobile/v1/topics',
      { headers: { 'x-long': 'h'.repeat(90_000) } },
      431,
      'HEADERS_TOO_LARGE',
    ),
    // What is not there.
    rest('an unknown path', '/nothing/here', {}, 404, 'NOT_FOUND'),
    rest('an unknown path of the mobile API', '/mobile/v1/nothing', {}, 404, 'NOT_FOUND'),
    rest('an unknown path of the web API', '/web/nothing', {}, 404, 'NOT_FOUND'),
    rest('an id that is none', '/mobile/v1/messages/abc', {}, 404, 'NOT_FOUND'),
    rest('an unknown message', `/mobile/v1/messages/${unknownId}`, {}, 404, 'NOT_FOUND'),
    rest('deleting a topic', '/mobile/v1/topics', { method: 'DELETE' }, 405, 'METHOD_NOT_ALLOWED'),
    rest('putting a message', topicPath, { method: 'PUT', json: { body: 'x' } }, 405, 'METHOD_NOT_ALLOWED'),
    graphql('deleting the web API', { method: 'DELETE' }, 405, 'METHOD_NOT_ALLOWED'),
    rest('an encoded backslash', '/mobile/v1/topics/a%5Cb/messages', {}, 400, 'BAD_REQUEST'),
    rest('broken percent-encoding', '/mobile/v1/topics/%zz/messages', {}, 400, 'BAD_REQUEST'),
    // What belongs to others.
    rest('the state of the cluster', '/mobile/v1/cluster/consistency', {}, 403, 'FORBIDDEN'),
    graphql('the state of the cluster', { json: { query: '{ cluster { nodes { name } } }' } }, 403, 'FORBIDDEN'),
  ];
}

/** Of a caller that may only read. */
export function refusedWrites(token: string): Refusal[] {
  const [status, code] = [403, 'FORBIDDEN'] as const;
  const operation = publishOperation({ topic: 'orders', body: 'x' });
  return [
    { what: 'a publish', path: topicPath, request: { token, json: { body: 'x' } }, status, code },
    { what: 'a publish mutation', path: graphqlPath, request: { token, json: operation }, status, code },
  ];
}

/** Of a caller that shows these credentials, or none: nothing, on any path that is not public. */
export function refusedCredentials(what: string, token: string | undefined): Refusal[] {
  const [status, code] = [401, 'UNAUTHENTICATED'] as const;
  return [
    { what, path: '/mobile/v1/topics', request: { token }, status, code },
    { what, path: topicPath, request: { token, json: { body: 'x' } }, status, code },
    { what, path: graphqlPath, request: { token, json: { query: '{ __typename }' } }, status, code },
  ];
}

/** 100 topics with 100 messages each. */
const pagesOfPages = '{ topics(first: 100) { edges { node { messages(first: 100) { edges { node { body } } } } } } }';
/** Types refer to types: each further level multiplies the answer. */
const circles = '{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }';

const formType = { 'content-type': 'application/x-www-form-urlencoded' };

export function publishOperation(input: object): { query: string; variables: object } {
  return {
    query: 'mutation ($input: PublishInput!) { publish(input: $input) { message { id } } }',
    variables: { input },
  };
}

function numberedHeaders(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, 'v']));
}

/** 0xC3 starts a character of two bytes, and a quotation mark does not go on with it. */
function invalidUtf8(before: string, after: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...Buffer.from(before), 0xc3, ...Buffer.from(after)]);
}

/** Half of what is allowed each; sent without saying how much comes. */
function chunks(count: number): ReadableStream {
  const chunk = new Uint8Array(requestLimit / 2).fill(0x20);
  let left = count;
  return new ReadableStream({
    pull: (controller) => {
      if (left === 0) controller.close();
      else controller.enqueue(chunk);
      left -= 1;
    },
  });
}
