import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isObjectType, parse, print, printSchema, validate } from 'graphql';
import { examples } from '../graphiql.ts';
import { schema } from './schema.ts';

test('the schema is the one in schema.graphql, on which clients depend', () => {
  const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
  // Both sides in one layout: the file is formatted like every other.
  const layout = (text: string): string => print(parse(text));
  assert.equal(layout(printSchema(schema)), layout(committed));
});

test('every root field states the scope that it needs', () => {
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
    assert.ok(isObjectType(type));
    for (const [name, field] of Object.entries(type.getFields())) {
      assert.match(String(field.extensions['scope']), /^(messages:(read|write)|cluster:(read|admin))$/, name);
    }
  }
});

test('the examples that GraphiQL begins with fit the schema', () => {
  assert.deepEqual(validate(schema, parse(examples)), []);
});
