import { readFileSync } from 'node:fs';
import { buildSchema, type DocumentNode, execute, parse, validate } from 'graphql';
import type { z } from 'zod';
import { type Context, resolvers } from './resolvers.ts';

/** A GraphQL operation that ships with the service: parsed and checked once, at start. */
export interface StoredDocument<Result extends z.ZodType> {
  readonly ast: DocumentNode;
  readonly result: Result;
}

const schema = buildSchema(read('schema.graphql'));

/** Loads `documents/<name>.graphql`; throws when it does not fit the schema. `result` describes its `data`. */
export function storedDocument<Result extends z.ZodType>(name: string, result: Result): StoredDocument<Result> {
  const ast = parse(read(`documents/${name}.graphql`));
  const [error] = validate(schema, ast);
  if (error !== undefined) throw error;
  return { ast, result };
}

/**
 * Runs a stored document for one caller. Answers its data in the form of the REST contract, where absent fields take the
 * place of GraphQL's nulls; throws what a resolver threw.
 */
export async function run<Result extends z.ZodType>(
  document: StoredDocument<Result>,
  variables: Readonly<Record<string, unknown>>,
  context: Context,
): Promise<z.output<Result>> {
  const { data, errors } = await execute({
    schema,
    document: document.ast,
    rootValue: resolvers,
    contextValue: context,
    variableValues: variables,
  });
  const [error] = errors ?? [];
  if (error !== undefined) throw error.originalError ?? error;
  return document.result.parse(withoutNulls(data));
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(present.map(([name, member]) => [name, withoutNulls(member)]));
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}
