import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BffWebConfig } from '@grapevine/shared/config/schema.ts';
import type { ExecutionResult } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { limitRules } from './document-limits.ts';
import { parseWithin } from './documents.ts';
import { contextOf, type GraphContext, type GraphSources, type VerifiedRequest } from './graph-context.ts';
import { presentResult, type ReportFor } from './graphql-errors.ts';
import { checkOperations, type OperationChecks } from './operation-checks.ts';
import { schema } from './schema/schema.ts';
import { subscriberResults } from './subscriber-results.ts';

export const graphqlPath = '/web/graphql';

export interface EndpointOptions {
  readonly sources: GraphSources;
  readonly config: Pick<BffWebConfig, 'mode' | 'maxDepth' | 'maxAliases' | 'maxTokens' | 'slowReaderMs'>;
  readonly checks: OperationChecks;
  readonly reportFor: ReportFor;
}

/** Answers GraphQL requests whose caller has been verified. */
export type GraphQLHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  verified: VerifiedRequest,
) => Promise<void>;

export function createGraphQLHandler(options: EndpointOptions): GraphQLHandler {
  const { sources, config, checks, reportFor } = options;
  const yoga = createYoga<VerifiedRequest, GraphContext>({
    schema,
    graphqlEndpoint: graphqlPath,
    // Yoga's own signal is not an AbortSignal to Node.
    context: (verified) => contextOf(verified, sources),
    plugins: [
      limitTokens(config.maxTokens),
      validateWithin(config),
      checkOperations(checks),
      presentResults(reportFor, config.slowReaderMs),
      passUnbuffered(),
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

function limitTokens(maxTokens: number): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => parseWithin(maxTokens, source, options));
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
function presentResults(reportFor: ReportFor, slowReaderMs: number): Plugin<GraphContext, VerifiedRequest> {
  return {
    onResultProcess({ request, result, setResult, serverContext }) {
      if (Array.isArray(result)) return;
      const accept = request.headers.get('accept') ?? '*/*';
      const present = (one: ExecutionResult): ExecutionResult =>
        presentResult(one, accept, reportFor(serverContext.requestId));
      if (!(Symbol.asyncIterator in result)) return setResult(present(result));
      setResult(subscriberResults(result, { present, patienceMs: slowReaderMs, cut: serverContext.cut }));
    },
  };
}

/** Streams have to pass every proxy as they are, and at once. */
function passUnbuffered(): Plugin {
  return {
    onResponse({ response }) {
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return;
      // nginx's name, which others understand, too.
      response.headers.set('x-accel-buffering', 'no');
      // Yoga says `none`, which is no coding of RFC 9110: what it is for is not to be compressed, and no-transform says that.
      response.headers.delete('content-encoding');
      response.headers.set('cache-control', 'no-store, no-transform');
    },
  };
}
