import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '@grapevine/shared/cluster-client/caller.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { BffWebConfig } from '@grapevine/shared/config/schema.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import { type ExecutionResult, GraphQLError, parse } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { Logger } from 'pino';
import { limitRules } from './document-limits.ts';
import type { GraphContext } from './graph-context.ts';
import { presentResult, type ReportUnexpected } from './graphql-errors.ts';
import { createLoaders } from './loaders.ts';
import { checkOperations, type OperationKind } from './operation-checks.ts';
import { schema } from './schema/schema.ts';

export const graphqlPath = '/web/graphql';

export interface EndpointOptions {
  readonly cluster: ClusterClient;
  readonly log: Logger;
  readonly config: Pick<BffWebConfig, 'mode' | 'maxDepth' | 'maxAliases' | 'maxTokens' | 'maxCost'>;
  readonly onOperation: (kind: OperationKind) => void;
}

/** What the HTTP layer knows of a request before GraphQL sees it. */
export interface VerifiedRequest {
  readonly identity: Identity;
  readonly requestId: string | undefined;
  /** When the client will wait no longer, by the monotonic clock; undefined for what streams. */
  readonly deadlineMs: number | undefined;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Told what the operation costs before it is executed; not of one that is refused. */
  readonly reportCost: (cost: number) => void;
}

/** Answers GraphQL requests whose caller has been verified. */
export type GraphQLHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  verified: VerifiedRequest,
) => Promise<void>;

export function createGraphQLHandler(options: EndpointOptions): GraphQLHandler {
  const { cluster, log, config } = options;
  const yoga = createYoga<VerifiedRequest, GraphContext>({
    schema,
    graphqlEndpoint: graphqlPath,
    // Yoga's own signal is not an AbortSignal to Node.
    context: ({ identity, requestId, deadlineMs, signal, reportCost }) => {
      const caller: Caller = { identity, requestId, deadlineMs, signal };
      return { caller, cluster, loaders: createLoaders(cluster, caller), reportCost };
    },
    plugins: [
      parseWithin(config.maxTokens),
      validateWithin(config),
      checkOperations({ maxCost: config.maxCost, onOperation: options.onOperation }),
      presentErrors(log),
    ],
    // Errors are presented in one place, ours; CORS, health and pages are the gateway's and the server's.
    maskedErrors: false,
    logging: false,
    cors: false,
    landingPage: false,
    graphiql: false,
    // The server reads bodies, within its limits, and hands them over parsed.
    multipart: false,
    maxRequestBodySize: false,
  });
  return async (request, response, verified) => {
    await yoga(request, response, verified);
  };
}

function parseWithin(maxTokens: number): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => {
        try {
          return parse(source, { ...options, maxTokens });
        } catch (error) {
          if (!(error instanceof GraphQLError) || !error.message.includes('tokens. Parsing aborted')) throw error;
          const message = `Expected at most ${maxTokens} lexical tokens.`;
          throw new GraphQLError(message, { extensions: { code: 'QUERY_TOO_COMPLEX' } });
        }
      });
    },
  };
}

function validateWithin(config: EndpointOptions['config']): Plugin {
  const rules = limitRules(config);
  return {
    onValidate({ addValidationRule }) {
      for (const rule of rules) addValidationRule(rule);
    },
  };
}

/** The last step of every answer, however it came about. */
function presentErrors(log: Logger): Plugin<GraphContext, VerifiedRequest> {
  return {
    onResultProcess({ request, result, setResult, serverContext }) {
      if (Array.isArray(result)) return;
      const accept = request.headers.get('accept') ?? '*/*';
      const report: ReportUnexpected = (error) => {
        log.error({ err: error, requestId: serverContext.requestId }, 'a GraphQL request failed');
      };
      const present = (one: ExecutionResult): ExecutionResult => presentResult(one, accept, report);
      setResult(Symbol.asyncIterator in result ? mapped(result, present) : present(result));
    },
  };
}

/** Like an async generator over `source`, but `return` reaches the source at once, also while a value is waited for. */
function mapped<Value>(source: AsyncIterable<Value>, map: (value: Value) => Value): AsyncIterable<Value> {
  const iterator = source[Symbol.asyncIterator]();
  const mapOne = (step: IteratorResult<Value>): IteratorResult<Value> =>
    step.done === true ? step : { done: false, value: map(step.value) };
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => mapOne(await iterator.next()),
      return: async (value) => (await iterator.return?.(value)) ?? { done: true, value },
    }),
  };
}
