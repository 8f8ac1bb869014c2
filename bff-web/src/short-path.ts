import { decodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { type ExecutionArgs, type ExecutionResult, getOperationAST, type OperationDefinitionNode } from 'graphql';
import type { GraphQLHTTPExtensions } from 'graphql-yoga';
import { CompiledQueries } from './compiled-queries.ts';
import type { Documents } from './documents.ts';
import { contextOf, type GraphSources, type PageSource, type VerifiedRequest } from './graph-context.ts';
import { graphQLErrorOf, presentResult, type ReportFor } from './graphql-errors.ts';
import type { KeptAnswers } from './kept-answers.ts';
import { type OperationChecks, refusalOf } from './operation-checks.ts';
import { standsWithTopics } from './operation-cost.ts';
import { schema } from './schema/schema.ts';

export interface ShortPathOptions {
  readonly sources: GraphSources;
  readonly documents: Documents;
  readonly checks: OperationChecks;
  readonly kept: KeptAnswers;
  readonly reportFor: ReportFor;
  /** Told of every query whose answer may be kept: whether it was. */
  readonly onLookUp: (outcome: 'hit' | 'miss') => void;
}

export interface ShortAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A valid query, as somebody asks it. */
interface Query {
  readonly args: Omit<ExecutionArgs, 'contextValue'>;
  readonly operation: OperationDefinitionNode;
  /** Equal for equal questions. */
  readonly key: string;
}

/** What a plain request consists of; anything else has a meaning that is not for this path. */
const plainMembers: ReadonlySet<string> = new Set(['query', 'variables', 'operationName']);

/**
 * Answers plain queries without the layers that all other requests need: valid documents, whole results, JSON. An answer is
 * given again to the same operation and variables while the topics stand that it was built from. What is not for this path
 * gets no answer here and goes the long way, where it would have been answered alike.
 */
export class ShortPath {
  readonly #options: ShortPathOptions;
  readonly #queries = new CompiledQueries();
  /** By operation, whether its answer stands as long as the topics that it is built from. */
  readonly #lasting = new WeakMap<OperationDefinitionNode, boolean>();

  constructor(options: ShortPathOptions) {
    this.#options = options;
  }

  /** The answer to `request`, an object that may hold anything; undefined when it has to go the long way. */
  async answer(request: object, accept: string, verified: VerifiedRequest): Promise<ShortAnswer | undefined> {
    const mediaType = mediaTypeOf(accept);
    const query = mediaType === undefined ? undefined : this.#read(request);
    if (query === undefined) return undefined;
    const headers = { 'content-type': `${mediaType}; charset=utf-8` };
    const { sources, checks, kept, reportFor, onLookUp } = this.#options;
    const pages: PageSource[] = [];
    const contextValue = contextOf(verified, sources, (page) => pages.push(page));
    const args = { ...query.args, contextValue };
    const present = (result: ExecutionResult): ShortAnswer =>
      answerOf(presentResult(result, accept, reportFor(verified.requestId)), headers);
    const refusal = refusalOf(args, contextValue, checks);
    if (refusal !== undefined) return present({ errors: [graphQLErrorOf(refusal)] });
    const lasting = this.#isLasting(query);
    const { consistency } = verified;
    const atLeast = consistency === undefined ? undefined : decodeToken(consistency);
    const before = lasting ? kept.get(query.key, atLeast) : undefined;
    if (lasting) onLookUp(before === undefined ? 'miss' : 'hit');
    if (before !== undefined) {
      for (const { token } of before.sources) verified.reportToken(token);
      return { status: 200, headers, body: before.body };
    }
    const result = await this.#queries.execute(query.operation, args);
    // Nothing has been executed: variables that do not fit.
    if (result.data === undefined) return undefined;
    const answer = present(result);
    if (lasting && result.errors === undefined) {
      const states = pages.map(({ topic, digest, token }) => ({ topic, digest, vector: decodeToken(token) }));
      kept.keep(query.key, { body: answer.body, sources: pages, states });
    }
    return answer;
  }

  #read(request: object): Query | undefined {
    const { query, variables = null, operationName = null } = request as Readonly<Record<string, unknown>>;
    if (typeof query !== 'string' || typeof variables !== 'object' || Array.isArray(variables)) return undefined;
    if (operationName !== null && typeof operationName !== 'string') return undefined;
    if (!Object.keys(request).every((member) => plainMembers.has(member))) return undefined;
    const { document } = this.#options.documents.read(query);
    const operation = document === undefined ? undefined : getOperationAST(document, operationName);
    if (document === undefined || operation?.operation !== 'query') return undefined;
    const variableValues = variables as Readonly<Record<string, unknown>> | null;
    return {
      args: { schema, document, operationName, variableValues },
      operation,
      key: JSON.stringify([query, operationName, variables]),
    };
  }

  #isLasting({ operation, args }: Query): boolean {
    const before = this.#lasting.get(operation);
    if (before !== undefined) return before;
    const lasting = standsWithTopics(schema, args.document);
    this.#lasting.set(operation, lasting);
    return lasting;
  }
}

/** What the answer is sent as; undefined where more has to be weighed than the first of two types. */
function mediaTypeOf(accept: string): string | undefined {
  const [first = '', ...others] = accept.split(',').map((part) => part.split(';', 1)[0]?.trim() ?? '');
  const known = ['*/*', 'application/json', 'application/graphql-response+json'];
  if (![first, ...others].every((type) => known.includes(type))) return undefined;
  return first === '*/*' ? 'application/json' : first;
}

/** `result`, once presented, as an HTTP answer: its first error may say how. */
function answerOf(result: ExecutionResult, headers: ShortAnswer['headers']): ShortAnswer {
  const http = result.errors?.[0]?.extensions['http'] as GraphQLHTTPExtensions | undefined;
  const errors = result.errors?.map((error) => {
    const { http: _http, ...extensions } = error.extensions;
    return { ...error.toJSON(), extensions };
  });
  const body = Buffer.from(JSON.stringify(errors === undefined ? result : { ...result, errors }));
  const status = http === undefined || http.spec === true ? 200 : (http.status ?? 200);
  return { status, headers: { ...headers, ...http?.headers }, body };
}
