import { catalogue, type ErrorCode, isErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import { GrapevineError, toGrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type ExecutionResult, GraphQLError } from 'graphql';
import type { GraphQLHTTPExtensions } from 'graphql-yoga';

/** Codes of yoga in our catalogue's terms, where the names differ. */
const renamed: Readonly<Record<string, ErrorCode>> = { OPERATION_RESOLUTION_FAILURE: 'GRAPHQL_VALIDATION_FAILED' };

/** Mistakes in a document. Clients that ask for plain application/json get them with status 200, as GraphQL over HTTP says. */
const documentMistakes: ReadonlySet<ErrorCode> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'QUERY_TOO_COMPLEX',
]);

/** Characters of a message: what it repeats of a document could make it as long as that. */
const maxMessage = 1_000;

/** Where unexpected errors are reported. */
export type ReportUnexpected = (error: unknown) => void;
/** Where those of one request are. */
export type ReportFor = (requestId: string | undefined) => ReportUnexpected;

/** `error` in the form that a GraphQL answer carries: `extensions.code`, and `retryAfter` in whole seconds where there is one. */
export function graphQLErrorOf(error: GrapevineError, place?: GraphQLError): GraphQLError {
  return new GraphQLError(brief(error.message), {
    ...placeOf(place),
    extensions: {
      ...error.extensions,
      code: error.code,
      ...(error.retryAfterSeconds === undefined ? {} : { retryAfter: error.retryAfterSeconds }),
    },
  });
}

/** Like `presentErrors`. When nothing but errors came of the request, the first of them also decides the HTTP status; a result with any data is a 200. */
export function presentResult(result: ExecutionResult, accept: string, report: ReportUnexpected): ExecutionResult {
  const presented = presentErrors(result, report);
  const [first] = presented.errors ?? [];
  if (first !== undefined && !hasData(result)) first.extensions['http'] = httpOf(first, result.errors?.[0], accept);
  return presented;
}

/** Gives every error of a result its code, and hides what is unexpected behind `INTERNAL`. */
export function presentErrors(result: ExecutionResult, report: ReportUnexpected): ExecutionResult {
  if (result.errors === undefined || result.errors.length === 0) return result;
  return { ...result, errors: result.errors.map((error) => presentError(error, report)) };
}

function presentError(error: GraphQLError, report: ReportUnexpected): GraphQLError {
  const cause = error.originalError;
  if (cause instanceof GrapevineError) return graphQLErrorOf(cause, error);
  const code = codeOf(error);
  if (code === 'INTERNAL') {
    report(cause ?? error);
    return graphQLErrorOf(toGrapevineError(cause ?? error), error);
  }
  return new GraphQLError(brief(error.message), { ...placeOf(error), extensions: { code } });
}

function brief(message: string): string {
  return message.length > maxMessage ? `${message.slice(0, maxMessage)}…` : message;
}

function codeOf(error: GraphQLError): ErrorCode {
  const stated = error.extensions['code'];
  if (typeof stated === 'string' && Object.hasOwn(renamed, stated)) return renamed[stated] ?? 'INTERNAL';
  if (error.extensions.http?.status === 405) return 'METHOD_NOT_ALLOWED';
  if (isErrorCode(stated)) return stated;
  if (error.path !== undefined) return 'INTERNAL';
  // Nothing has been executed: what is wrong is the request. The parameters of a GET are JSON that yoga does not guard.
  if (error.originalError instanceof SyntaxError) return 'INVALID_JSON';
  const isEngines = error.originalError === undefined || error.originalError instanceof GraphQLError;
  return isEngines ? 'GRAPHQL_VALIDATION_FAILED' : 'INTERNAL';
}

/** A query whose fields all came out as null has nothing to show but its errors. */
function hasData({ data }: ExecutionResult): boolean {
  return data != null && Object.values(data).some((value) => value !== null);
}

function httpOf(error: GraphQLError, before: GraphQLError | undefined, accept: string): GraphQLHTTPExtensions {
  const { code, retryAfter } = error.extensions as { code: ErrorCode; retryAfter?: number };
  return {
    status: catalogue[code].status,
    spec: documentMistakes.has(code) && wantsPlainJson(accept),
    headers: {
      ...before?.extensions.http?.headers,
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  };
}

/** Whether the client named application/json as all that it takes; `*` and an absent header leave the status to us. */
function wantsPlainJson(accept: string): boolean {
  return accept.includes('application/json') && !accept.includes('*/*') && !accept.includes('graphql-response+json');
}

function placeOf(error: GraphQLError | undefined) {
  if (error === undefined) return {};
  const { nodes, source, positions, path } = error;
  return { nodes, source, positions, path };
}
