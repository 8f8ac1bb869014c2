import assert from 'node:assert/strict';
import type { ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import type { z } from 'zod';
import { commonErrors, type OperationDescription } from '../openapi/operations.ts';

/** Fails unless the document says that `operation` may answer like this. */
export async function checkAnswer(operation: OperationDescription, response: Response): Promise<void> {
  const where = `${operation.id} ${response.status}`;
  const described = operation.answers.find(({ status }) => status === response.status);
  if (described === undefined) {
    assert.equal(response.headers.get('content-type'), 'application/problem+json', where);
    const { code, status } = problemSchema.parse(await response.json());
    assert.equal(status, response.status);
    assert.ok([...commonErrors, ...operation.errors].includes(code as ErrorCode), `${where} ${code}`);
    return;
  }
  for (const header of described.headers.filter((name) => described.optional?.includes(name) !== true)) {
    assert.notEqual(response.headers.get(header), null, `${where} without ${header}`);
  }
  if (described.schema === undefined) {
    assert.equal(await response.text(), '', where);
    return;
  }
  const schema: z.ZodType = described.schema.of;
  assert.match(String(response.headers.get('content-type')), /^application\/json\b/, where);
  const body: unknown = await response.json();
  // What the schema does not name would be lost by parsing.
  assert.deepEqual(schema.parse(body), body, where);
}
