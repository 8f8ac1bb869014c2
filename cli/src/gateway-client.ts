import { parseEventStream } from '@grapevine/shared/cluster-client/event-stream.ts';
import { catalogue, type ErrorCode, isErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { errorFromProblem } from '@grapevine/shared/errors/problem.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { z } from 'zod';
import { CommandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { Target } from './target.ts';

/** Longest wait for an answer, in milliseconds: above the gateway's own, so that its reason is seen. */
const answerMs = 45_000;

const graphqlAnswerSchema = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(z.object({ message: z.string(), extensions: z.looseObject({ code: z.string().optional() }).optional() }))
    .optional(),
});

/** The public APIs behind one gateway. Every failure is a `GrapevineError` or `CommandError` that says the way out. */
export class GatewayClient {
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Runs a GraphQL operation and checks its data against `schema`. */
  async graphql<T>(schema: z.ZodType<T>, query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<T> {
    const response = await this.#send('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(answerMs),
    });
    return dataOf(schema, await readJson(response));
  }

  /** The results of a GraphQL subscription (server-sent events) until it completes or `signal` aborts. */
  async *subscribe<T>(
    schema: z.ZodType<T>,
    query: string,
    variables: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): AsyncGenerator<T, void> {
    const response = await this.#send('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query, variables }),
      signal,
    });
    if (response.body === null || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
      dataOf(schema, await readJson(response));
      return;
    }
    for await (const { event, data } of parseEventStream(response.body)) {
      if (event === 'complete') return;
      if (event === 'next') yield dataOf(schema, JSON.parse(data));
    }
  }

  /** Sends JSON to the REST API and checks the answer against `schema`. */
  async post<T>(
    schema: z.ZodType<T>,
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const response = await this.#send(path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(answerMs),
    });
    const answer = await readJson(response);
    if (!response.ok) throw refusal(response, answer);
    return parseInput(schema, answer, `the answer of ${path}`, 'UPSTREAM_FAILED');
  }

  async #send(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> {
    const { url, token } = this.#target;
    try {
      const headers = { ...init.headers, authorization: `Bearer ${token}` };
      return await fetch(`${url}${path}`, { ...init, headers, redirect: 'error' });
    } catch (error) {
      if (init.signal?.aborted === true && (init.signal.reason as Error).name === 'AbortError') throw error;
      const cause = (error as Error).cause;
      const reason = cause instanceof Error ? cause.message : (error as Error).message;
      throw new CommandError(
        `cannot reach the gateway at ${url} (${reason}); start it with \`npm start\`, or name another with --url.`,
        exitCodes.unreachable,
        { cause: error },
      );
    }
  }
}

/** The exit code that tells a script what kind of failure `error` is. */
export function exitCodeOf(error: GrapevineError): number {
  const isAway = ['UNAVAILABLE', 'UPSTREAM_FAILED', 'UPSTREAM_TIMEOUT', 'OVERLOADED'].includes(error.code);
  return isAway ? exitCodes.unreachable : exitCodes.failed;
}

/** Whether trying again can help: whatever is not a clear refusal. */
export function isPassing(error: unknown): boolean {
  if (error instanceof GrapevineError) return exitCodeOf(error) === exitCodes.unreachable;
  return !(error instanceof CommandError) || error.exitCode === exitCodes.unreachable;
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandError(
      `${response.url} answered ${response.status} with something that is not JSON; is it a Grapevine gateway?`,
    );
  }
}

function dataOf<T>(schema: z.ZodType<T>, answer: unknown): T {
  const problem = errorFromProblem(answer);
  if (problem !== undefined) throw withRemedy(problem);
  const { data, errors } = parseInput(graphqlAnswerSchema, answer, 'the answer of the web API', 'UPSTREAM_FAILED');
  const [error] = errors ?? [];
  if (error !== undefined) {
    const code = error.extensions?.code;
    throw withRemedy(new GrapevineError(isErrorCode(code) ? code : 'UPSTREAM_FAILED', error.message));
  }
  return parseInput(schema, data, 'the answer of the web API', 'UPSTREAM_FAILED');
}

function refusal(response: Response, answer: unknown): Error {
  const problem = errorFromProblem(answer, response.headers.get('retry-after') ?? undefined);
  return problem === undefined ? new CommandError(`the gateway answered ${response.status}.`) : withRemedy(problem);
}

/** The catalogue's remedies for these are for programs, and speak of headers that nobody sees at a terminal. */
const remedies: Partial<Record<ErrorCode, string>> = {
  INVALID_ARGUMENT: '',
  RATE_LIMITED: ' Try again in a moment.',
  OVERLOADED: ' Try again in a moment.',
  UNAVAILABLE: ' Try again in a moment.',
  UPSTREAM_FAILED: ' Try again in a moment.',
  UPSTREAM_TIMEOUT: ' Try again in a moment.',
};

/** What a server says is wrong, followed by what its reader can do. */
function withRemedy(error: GrapevineError): GrapevineError {
  const remedy = remedies[error.code] ?? ` ${catalogue[error.code].remedy}`;
  return new GrapevineError(error.code, `${error.message}${remedy}`, { cause: error });
}
