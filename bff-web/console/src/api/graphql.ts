/** The one way in which the console gets data: bff-web's GraphQL API, as any other client. */
import { parseEventStream } from '@grapevine/shared/cluster-client/event-stream.ts';
import { z } from 'zod';
import { token } from './session.ts';

const endpoint = '/web/graphql';
/** Longest wait for an answer, in milliseconds: above what a repair and a comparison with a hung node may take. */
const answerMs = 25_000;
/** A stream without a word for so long is dead: the server pings every 12 s. */
const silenceMs = 30_000;

/** The API refused, failed or could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Of the error catalogue; empty when there was no answer. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }

  /** Whether another token is needed. */
  get refused(): boolean {
    return this.code === 'UNAUTHENTICATED';
  }
}

const errorSchema = z.object({ message: z.string(), extensions: z.object({ code: z.string() }).optional() });
const resultSchema = z.object({ data: z.unknown(), errors: z.array(errorSchema).optional() });
const problemSchema = z.object({ code: z.string(), detail: z.string() });

export type Variables = Readonly<Record<string, unknown>>;

/** The data of a query or mutation. Throws `ApiError`. */
export async function ask<Data>(schema: z.ZodType<Data>, query: string, variables: Variables = {}): Promise<Data> {
  const response = await send(query, variables, 'application/json', AbortSignal.timeout(answerMs));
  return dataOf(schema, await jsonOf(response));
}

/** What a subscription brings, until `signal` is aborted or the connection ends. Throws `ApiError`. */
export async function* subscribe<Data>(
  schema: z.ZodType<Data>,
  query: string,
  variables: Variables,
  signal: AbortSignal,
): AsyncGenerator<Data, void> {
  const response = await send(query, variables, 'text/event-stream', signal);
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok || response.body === null || !type.startsWith('text/event-stream')) {
    dataOf(schema, await jsonOf(response));
    return;
  }
  for await (const { event, data } of parseEventStream(chunksOf(response.body))) {
    if (event === 'complete') return;
    if (event === 'next') yield dataOf(schema, JSON.parse(data));
  }
}

async function send(query: string, variables: Variables, accept: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(endpoint, {
      method: 'POST',
      headers: { accept, authorization: `Bearer ${token() ?? ''}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      signal,
    });
  } catch (error) {
    if (signal.aborted && !isTimeout(signal.reason)) throw error;
    throw new ApiError(isTimeout(signal.reason) ? 'No answer came in time.' : 'The gateway cannot be reached.', '');
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new ApiError(`The gateway answered ${response.status} and nothing that makes sense.`, '');
  }
}

function dataOf<Data>(schema: z.ZodType<Data>, answer: unknown): Data {
  const problem = problemSchema.safeParse(answer);
  if (problem.success) throw new ApiError(problem.data.detail, problem.data.code);
  const result = resultSchema.safeParse(answer);
  const [error] = result.data?.errors ?? [];
  if (error !== undefined) throw new ApiError(error.message, error.extensions?.code ?? '');
  const data = schema.safeParse(result.data?.data);
  if (data.success) return data.data;
  throw new ApiError(
    'The answer is none that this console knows. Reload the page: it may be older than the server.',
    '',
  );
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      timer = setTimeout(() => void reader.cancel(), silenceMs);
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    void reader.cancel().catch(() => undefined);
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}
