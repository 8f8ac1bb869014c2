import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type OperationDefinitionNode,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { directivesOf } from './document-limits.ts';

/** Executions from which on an operation is compiled: that costs as much as tens of them, so asking once must not buy it. */
const worthCompiling = 3;

type Run = CompiledQuery['query'];

/**
 * Executes queries; those that come again, by code made for them. Only for operations of validated documents that are
 * remembered: what is made here goes with them.
 */
export class CompiledQueries {
  readonly #executions = new WeakMap<OperationDefinitionNode, number>();
  /** Undefined for those that are left to the executor. */
  readonly #compiled = new WeakMap<OperationDefinitionNode, Run | undefined>();

  /** The result of `operation`, which is the one that `args` choose; the same either way. */
  async execute(operation: OperationDefinitionNode, args: ExecutionArgs): Promise<ExecutionResult> {
    const run = this.#compiledOf(operation, args);
    if (run === undefined) return execute(args);
    const result = await run(args.rootValue, args.contextValue, args.variableValues);
    if (result.errors === undefined) return result;
    return { ...result, errors: result.errors.map((error) => placed(error, args.document)) };
  }

  #compiledOf(operation: OperationDefinitionNode, args: ExecutionArgs): Run | undefined {
    if (this.#compiled.has(operation)) return this.#compiled.get(operation);
    const executions = (this.#executions.get(operation) ?? 0) + 1;
    this.#executions.set(operation, executions);
    if (executions < worthCompiling) return undefined;
    const run = compile(args);
    this.#compiled.set(operation, run);
    return run;
  }
}

function compile({ schema, document, operationName }: ExecutionArgs): Run | undefined {
  // The compiler reads `@skip` and `@include` in another way where fragments are spread several times.
  if (directivesOf(document) > 0) return undefined;
  const compiled = compileQuery(schema, document, operationName ?? undefined, { disablingCapturingStackErrors: true });
  return isCompiledQuery(compiled) ? compiled.query : undefined;
}

/** The compiler's errors know lines and columns, and lose them when they are copied; those of the executor know positions. */
function placed({ message, path, originalError, locations = [] }: GraphQLError, { loc }: DocumentNode): GraphQLError {
  const text = loc?.source.body ?? '';
  const lines = [0, ...text.matchAll(/\r\n|[\n\r]/g).map((end) => end.index + end[0].length)];
  const positions = locations.map(({ line, column }) => (lines[line - 1] ?? 0) + column - 1);
  return new GraphQLError(message, { source: loc?.source, positions, path, originalError });
}
