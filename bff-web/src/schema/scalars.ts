import { isoTime } from '@grapevine/shared/iso-time.ts';
import { GraphQLError, Kind, type ValueNode } from 'graphql';
import { z } from 'zod';
import { builder } from './builder.ts';

const momentSchema = z.iso.datetime({ offset: true });

builder.scalarType('BigInt', {
  description: 'A whole number from 0 to 2^48, printed as a JSON number. Output only.',
  serialize: (value) => value,
  parseValue: outputOnly('BigInt'),
});

builder.scalarType('DateTime', {
  description: 'A moment as RFC 3339 text; in answers in UTC with milliseconds.',
  serialize: (value) => isoTime(value),
  parseValue: (value) => {
    const text = momentSchema.safeParse(value);
    if (text.success) return new Date(text.data);
    throw new GraphQLError('Expected a moment such as 2026-01-31T12:00:00Z, with a time zone.');
  },
});

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => literalValue(node, variables ?? {}),
});

function outputOnly(name: string): () => never {
  return () => {
    throw new GraphQLError(`${name} is only used in answers.`);
  };
}

/** The JSON value that a literal in a document stands for. */
function literalValue(node: ValueNode, variables: Readonly<Record<string, unknown>>): unknown {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map((item) => literalValue(item, variables));
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, literalValue(value, variables)]));
    case Kind.VARIABLE:
      return variables[node.name.value];
    case Kind.NULL:
      return null;
  }
}
