import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { requireScope } from '@grapevine/shared/identity/identity.ts';
import { type ExecutionArgs, getOperationAST } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { noStreamFor } from './accepted-types.ts';
import type { GraphContext } from './graph-context.ts';
import { graphQLErrorOf } from './graphql-errors.ts';
import { costOf, type PlannedOperation, rootFieldsOf, rulesOf } from './operation-cost.ts';

export type OperationKind = 'query' | 'mutation' | 'subscription';

export interface OperationChecks {
  readonly maxCost: number;
  /** Told of every operation before it is checked; for metrics. */
  readonly onOperation: (kind: OperationKind) => void;
}

/**
 * What an operation must pass before anything of it is executed: the caller has the scopes of all its root fields, and
 * it does not cost more than `maxCost`. What it costs is reported, also to a client that asks for it with `{"cost": true}` in the
 * request's `extensions`. A refusal is the whole answer, so that it can have its own HTTP status.
 */
export function checkOperations(checks: OperationChecks): Plugin<GraphContext> {
  return {
    onExecute({ args, context, setResultAndStopExecution }) {
      let cost: number | undefined;
      const reportCost = (found: number): void => {
        cost = found;
        context.reportCost(found);
      };
      const refusal = refusalOf(args, { ...context, reportCost }, checks);
      if (refusal !== undefined) setResultAndStopExecution({ errors: [graphQLErrorOf(refusal)] });
      if (cost === undefined || context.params.extensions?.['cost'] !== true) return undefined;
      const extensions = { cost: { total: cost, limit: checks.maxCost } };
      return {
        onExecuteDone({ result, setResult }) {
          if (!isAsyncIterable(result)) setResult({ ...result, extensions });
        },
      };
    },
    onSubscribe({ args, context, setResultAndStopExecution }) {
      const refusal = refusalOf(args, context, checks) ?? noStreamFor(context.request.headers.get('accept'));
      if (refusal !== undefined) setResultAndStopExecution({ errors: [graphQLErrorOf(refusal)] });
    },
  };
}

/** Why the operation is not executed; `undefined` when it may be. */
export function refusalOf(
  args: Omit<ExecutionArgs, 'contextValue'>,
  context: GraphContext,
  { onOperation, maxCost }: OperationChecks,
): GrapevineError | undefined {
  const operation = getOperationAST(args.document, args.operationName);
  // Without one there is nothing to execute; the executor says so.
  if (operation == null) return undefined;
  onOperation(operation.operation);
  const { schema, document, variableValues } = args;
  return refuse({ schema, document, operation, variables: variableValues ?? {} }, context, maxCost);
}

function refuse(
  planned: PlannedOperation,
  { caller, reportCost }: GraphContext,
  maxCost: number,
): GrapevineError | undefined {
  try {
    for (const field of rootFieldsOf(planned)) {
      const { scope } = rulesOf(field);
      if (scope !== undefined) requireScope(caller.identity, scope);
    }
  } catch (error) {
    if (error instanceof GrapevineError) return error;
    throw error;
  }
  const cost = costOf(planned);
  if (cost <= maxCost) {
    reportCost(cost);
    return undefined;
  }
  return new GrapevineError('QUERY_TOO_COMPLEX', `Expected a cost of at most ${maxCost}, found ${cost}.`);
}
