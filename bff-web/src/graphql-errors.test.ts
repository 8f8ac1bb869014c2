import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { GraphQLError } from 'graphql';
import { presentResult } from './graphql-errors.ts';

const noReport = (error: unknown): never => assert.fail(`reported ${String(error)}`);

test('an unexpected error is told as INTERNAL, and its cause only to the log', () => {
  const cause = new TypeError('the password is hunter2');
  const reported: unknown[] = [];
  const located = new GraphQLError(cause.message, { path: ['topics'], originalError: cause });
  const { errors } = presentResult({ data: null, errors: [located] }, '*/*', (error) => reported.push(error));
  assert.deepEqual(reported, [cause]);
  assert.equal(errors?.[0]?.extensions['code'], 'INTERNAL');
  assert.equal(errors?.[0]?.extensions.http?.status, 500);
  assert.deepEqual(errors?.[0]?.path, ['topics']);
  assert.doesNotMatch(JSON.stringify(errors), /hunter2/);
});

test('an error that is not of the engine and came before execution is unexpected as well', () => {
  const reported: unknown[] = [];
  const wrapped = new GraphQLError('boom', { originalError: new Error('boom') });
  const { errors } = presentResult({ errors: [wrapped] }, '*/*', (error) => reported.push(error));
  assert.equal(errors?.[0]?.extensions['code'], 'INTERNAL');
  assert.equal(reported.length, 1);
});

test('the first error decides the status only when there is no data', () => {
  const refused = new GraphQLError('x', { path: ['a'], originalError: new GrapevineError('FORBIDDEN', 'x') });
  const alone = presentResult({ data: { a: null, b: null }, errors: [refused] }, '*/*', noReport);
  assert.equal(alone.errors?.[0]?.extensions.http?.status, 403);
  const beside = presentResult({ data: { a: null, b: false }, errors: [refused] }, '*/*', noReport);
  assert.equal(beside.errors?.[0]?.extensions.http, undefined);
});

test('a result without errors is passed on as it is', () => {
  const result = { data: { a: 1 } };
  assert.equal(presentResult(result, '*/*', noReport), result);
});

test('a message that repeats what the client sent is not as long as that', () => {
  const long = 'x'.repeat(100_000);
  const mistake = new GraphQLError(`Cannot query field "${long}".`);
  const refused = new GraphQLError('x', { path: ['a'], originalError: new GrapevineError('NOT_FOUND', long) });
  const { errors } = presentResult({ errors: [mistake, refused] }, '*/*', noReport);
  assert.deepEqual(
    errors?.map(({ message }) => message.length),
    [1_001, 1_001],
  );
});
