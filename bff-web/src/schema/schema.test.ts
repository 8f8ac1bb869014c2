import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isObjectType } from 'graphql';
import { printedSchema, schema } from './schema.ts';

test('the schema is the one in schema.graphql', () => {
  const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
  assert.equal(
    printedSchema(),
    committed,
    'Clients depend on it. If the change is meant, write it into schema.graphql too.',
  );
});

test('every root field states the scope that it needs', () => {
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
    assert.ok(isObjectType(type));
    for (const [name, field] of Object.entries(type.getFields())) {
      assert.match(String(field.extensions['scope']), /^(messages|cluster):(read|write)$/, name);
    }
  }
});
