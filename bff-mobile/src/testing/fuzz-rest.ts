import assert from 'node:assert/strict';
import fc from 'fast-check';
import { z } from 'zod';
import type { MobileUnderTest } from '../mobile.fixture.ts';
import { openApiDocument } from '../openapi/document.ts';
import { operations } from '../openapi/operations.ts';
import { arbitraryRequest, type JsonSchema, type OperationObject, type ParameterObject } from './arbitrary-requests.ts';
import { checkAnswer } from './described-answer.ts';

/** For a call to a node, in milliseconds: a machine that is busy with other tests must not look like a defect. */
export const patienceMs = 60_000;

export interface FuzzOptions {
  readonly seed: number;
  /** Requests for each operation. */
  readonly runs: number;
}

/** What the document says of an operation, as far as requests are made from it. */
interface Described {
  readonly parameters?: readonly ParameterObject[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
}

/**
 * Sends random requests made from the OpenAPI document to every operation. Throws when an answer is a 5xx, or another than the
 * document describes, with the smallest request found that gets it.
 */
export async function fuzzRest(mobile: MobileUnderTest, { seed, runs }: FuzzOptions): Promise<void> {
  const { id, token } = await mobile.publish('a/b', 'x', { key: 'k', headers: { a: 'b' } });
  await mobile.publish('a/b', 'y');
  const page = await mobile.call('/topics/a%2Fb/messages?limit=1');
  const { next } = z.object({ next: z.string() }).parse(await page.json());
  const known = {
    id: [id, 'f'.repeat(64)],
    topic: ['a/b', 'a', 'unheard-of'],
    topics: ['a/b', 'a,a/b', 'unheard-of'],
    after: [next, 'a'],
    before: [next, 'end'],
    since: [token],
    'Grapevine-Consistency': [token],
    'If-None-Match': ['*', '"x"', 'W/"x"', ','],
    // A sync that waits for news waits.
    wait: ['0'],
  };
  for (const operation of operations) {
    const described = resolved(operation.method, operation.path);
    await fc.assert(
      fc.asyncProperty(arbitraryRequest(described, known), async ({ path, headers, body }) => {
        const method = operation.method.toUpperCase();
        const response = await mobile.call(path, { method, headers, ...(body === undefined ? {} : { body }) });
        assert.ok(response.status < 500, `${operation.id}: ${response.status} ${await response.clone().text()}`);
        await checkAnswer(operation, response);
      }),
      { seed, numRuns: runs },
    );
  }
}

/** The operation with every reference in it replaced by what it leads to. */
function resolved(method: string, path: string): OperationObject {
  const document: Readonly<Record<string, unknown>> = JSON.parse(JSON.stringify(openApiDocument()));
  const at = (keys: readonly string[]): unknown =>
    keys.reduce((value: unknown, key) => (value as Readonly<Record<string, unknown>>)[key], document);
  const follow = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(follow);
    if (typeof value !== 'object' || value === null) return value;
    const { $ref } = value as { readonly $ref?: unknown };
    if (typeof $ref === 'string') return follow(at($ref.slice(2).split('/')));
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, follow(member)]));
  };
  const { parameters = [], requestBody } = follow(at(['paths', path, method])) as Described;
  return { method, path, parameters, body: requestBody?.content['application/json']?.schema };
}
