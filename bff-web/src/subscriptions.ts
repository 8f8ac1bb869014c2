import { GrapevineError, toGrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import { type ExecutionArgs, type ExecutionResult, type GraphQLError, getOperationAST, subscribe } from 'graphql';
import type { Documents } from './documents.ts';
import { contextOf, type GraphSources } from './graph-context.ts';
import { graphQLErrorOf, presentErrors, type ReportFor } from './graphql-errors.ts';
import { type OperationChecks, refusalOf } from './operation-checks.ts';
import type { PersistedOperations } from './persisted-operations.ts';
import { schema } from './schema/schema.ts';
import { type SubscriberResults, subscriberResults } from './subscriber-results.ts';

export interface SubscriptionOptions {
  readonly sources: GraphSources;
  readonly documents: Documents;
  readonly operations: PersistedOperations;
  readonly checks: OperationChecks;
  readonly slowReaderMs: number;
  readonly reportFor: ReportFor;
}

/** What a client asks for; the values are still anybody's. */
export interface SubscriptionParams {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Who asks, over a connection that carries several subscriptions. */
export interface SubscriptionCaller {
  readonly identity: Identity;
  readonly requestId: string | undefined;
  /** Ends the connection of a client that takes nothing. */
  readonly cut: () => void;
}

/** Subscriptions for transports that are no HTTP requests: the same checks, errors and bounds as by HTTP. */
export class Subscriptions {
  readonly #options: SubscriptionOptions;
  readonly #callers = new WeakMap<
    ExecutionArgs,
    { readonly caller: SubscriptionCaller; readonly gone: AbortController }
  >();

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** What `start` takes, or what is wrong with the request. */
  prepare(params: SubscriptionParams, caller: SubscriptionCaller): ExecutionArgs | readonly GraphQLError[] {
    const { sources, documents, checks } = this.#options;
    const query = this.#textOf(params);
    if (query instanceof GrapevineError) return [graphQLErrorOf(query)];
    const { document, errors } = documents.read(query);
    if (errors !== undefined) return errors;
    const operation = getOperationAST(document, params.operationName);
    if (operation != null && operation.operation !== 'subscription') {
      const error = `Send a ${operation.operation} as an HTTP request; only subscriptions go over the WebSocket.`;
      return [graphQLErrorOf(new GrapevineError('BAD_REQUEST', error))];
    }
    const gone = new AbortController();
    const { identity, requestId, cut } = caller;
    const verified = {
      ...{ identity, requestId, cut, signal: gone.signal },
      ...{ deadlineMs: undefined, consistency: undefined, reportCost: ignore, reportToken: ignore },
    };
    const contextValue = contextOf(verified, sources);
    const { operationName, variables: variableValues } = params;
    const args: ExecutionArgs = { schema, document, operationName, variableValues, contextValue };
    try {
      const refusal = refusalOf(args, contextValue, checks);
      if (refusal !== undefined) return [graphQLErrorOf(refusal)];
    } catch (error) {
      return [graphQLErrorOf(toGrapevineError(error))];
    }
    this.#callers.set(args, { caller, gone });
    return args;
  }

  /** Starts what was prepared; `return` of the results ends it down to the node. */
  async start(args: ExecutionArgs): Promise<ExecutionResult | SubscriberResults> {
    const prepared = this.#callers.get(args);
    if (prepared === undefined) throw new TypeError('This operation was not prepared.');
    const { caller, gone } = prepared;
    const present = (result: ExecutionResult): ExecutionResult => this.present(result, caller.requestId);
    const results = await subscribe(args);
    if (!(Symbol.asyncIterator in results)) return present(results);
    const patienceMs = this.#options.slowReaderMs;
    const shown = subscriberResults(results, { present, patienceMs, cut: caller.cut });
    const finish = shown.return.bind(shown);
    shown.return = () => {
      gone.abort();
      return finish();
    };
    return shown;
  }

  #textOf(params: SubscriptionParams): string | GrapevineError {
    try {
      return String(this.#options.operations.resolve({ ...params })['query']);
    } catch (error) {
      return toGrapevineError(error);
    }
  }

  present(result: ExecutionResult, requestId: string | undefined): ExecutionResult {
    return presentErrors(result, this.#options.reportFor(requestId));
  }
}

/** Only an HTTP answer has headers that tell what it cost and covers. */
function ignore(): void {}
