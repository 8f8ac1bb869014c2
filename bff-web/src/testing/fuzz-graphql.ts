import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parse } from 'graphql';
import { schema } from '../schema/schema.ts';
import type { WebUnderTest } from '../web.fixture.ts';
import { type ArbitraryRequest, arbitraryRequest, brokenRequest } from './arbitrary-documents.ts';
import { checkData, checkErrors } from './fitting-answer.ts';

/** For a call to a node, in milliseconds: a machine that is busy with other tests must not look like a defect. */
export const patienceMs = 60_000;

export interface FuzzOptions {
  readonly seed: number;
  /** Valid requests; there are as many broken ones. */
  readonly runs: number;
}

interface Answer {
  readonly status: number;
  readonly body: { readonly data?: unknown; readonly errors?: unknown };
}

/** Executions of a query after which it has gone every way that there is: new, kept, compiled. */
const repetitions = 4;

/**
 * Sends random documents: valid ones, whose answers must fit the schema and be the same every way, and broken ones. Throws when
 * an answer is a 5xx, breaks the schema, or has an error without a code, with the request that got it.
 */
export async function fuzzGraphQL(web: WebUnderTest, { seed, runs }: FuzzOptions): Promise<void> {
  const id = await publish(web);
  const nodes = web.cluster.nodes.map(({ name }) => name);
  const valid = arbitraryRequest(schema, {
    id: [id, Buffer.from('Topic:a/b').toString('base64url'), 'f'.repeat(64)],
    ...{ topic: ['a/b', 'a/b', 'unheard-of'], name: ['a/b', 'unheard-of'], author: ['ada'], key: ['k'] },
    ...{ a: nodes, b: nodes, node: nodes, from: nodes },
  });
  const settings = { seed, numRuns: runs, endOnFailure: true };
  await fc.assert(
    fc.asyncProperty(valid, (request) => checkValid(web, request)),
    settings,
  );
  await fc.assert(
    fc.asyncProperty(brokenRequest(valid), async (body) => {
      const { status, body: answer } = await send(web, body);
      if (answer.errors === undefined) assert.equal(status, 200);
      else checkErrors(answer.errors);
    }),
    settings,
  );
}

async function checkValid(web: WebUnderTest, request: ArbitraryRequest): Promise<void> {
  const answer = await send(web, JSON.stringify(request));
  const { data, errors } = answer.body;
  if (errors !== undefined) checkErrors(errors);
  if (data == null) assert.notEqual(errors, undefined, 'neither data nor errors');
  else checkData(schema, parse(request.query), data);
  if (request.query.startsWith('mutation')) return;
  for (let i = 1; i < repetitions; i++) assert.deepEqual(await send(web, JSON.stringify(request)), answer);
  // A member that means nothing to the server sends a request the long way.
  assert.deepEqual(await send(web, JSON.stringify({ ...request, extensions: {} })), answer);
}

async function send(web: WebUnderTest, body: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...web.identity() };
  const response = await web.request({ method: 'POST', headers, body });
  const text = await response.text();
  assert.ok(response.status < 500, `${response.status} ${text}`);
  return { status: response.status, body: withCode(JSON.parse(text)) };
}

/** A problem document, with which requests are refused that are no GraphQL, as the one error that it is. */
function withCode(body: Answer['body'] & { readonly code?: unknown; readonly detail?: unknown }): Answer['body'] {
  if (body.code === undefined) return body;
  return { errors: [{ message: body.detail, extensions: { code: body.code } }] };
}

async function publish(web: WebUnderTest): Promise<string> {
  const mutation = `mutation ($input: PublishInput!) { publish(input: $input) { message { id } } }`;
  const { data } = await web.graph(mutation, { input: { topic: 'a/b', body: 'x', key: 'k', headers: { a: 'b' } } });
  const { publish: published } = data as { publish: { message: { id: string } } };
  return published.message.id;
}
