/** Clients of the public APIs, as somebody outside would write them: nothing here knows what is behind the gateway. */
import { parseEventStream } from '@grapevine/shared/cluster-client/event-stream.ts';
import { z } from 'zod';

/** Any answer takes less, or the request hangs; in milliseconds. Above the 15 s that a call to a cluster with a hung node may take. */
const answerMs = 25_000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Decoded JSON; undefined when there is none. */
  readonly body: unknown;
}

export interface RequestOptions {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer> | ReadableStream;
  /** Longest wait for the whole answer, in milliseconds. */
  readonly answerMs?: number;
}

/** One request; every answer with a status is an answer, an error means that there was none. */
export async function request(url: string, options: RequestOptions = {}): Promise<Answer> {
  const { token, json, raw } = options;
  const body = json === undefined ? raw : JSON.stringify(json);
  const response = await fetch(url, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
    redirect: 'manual',
    signal: AbortSignal.timeout(options.answerMs ?? answerMs),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : parseJson(text) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const problemSchema = z.object({ code: z.string(), status: z.int(), detail: z.string() });
const graphqlErrorsSchema = z.object({
  errors: z.array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }) })).min(1),
});

/** Code and message of an error, as a problem document or as a GraphQL answer carries them; undefined when it is neither. */
export function errorOf({ body }: Answer): { readonly code: string; readonly message: string } | undefined {
  const problem = problemSchema.safeParse(body);
  if (problem.success) return { code: problem.data.code, message: problem.data.detail };
  const [error] = graphqlErrorsSchema.safeParse(body).data?.errors ?? [];
  return error === undefined ? undefined : { code: error.extensions.code, message: error.message };
}

/** The API refused or failed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;

  constructor(answer: Answer) {
    const error = errorOf(answer);
    super(`${answer.status} ${error?.code ?? JSON.stringify(answer.body)}: ${error?.message ?? ''}`);
    this.status = answer.status;
    this.code = error?.code ?? '';
  }
}

export interface Draft {
  readonly topic: string;
  readonly body: string;
  readonly idempotencyKey?: string | undefined;
  readonly acks?: number;
  /** Longest wait for `acks`, in milliseconds. */
  readonly timeoutMs?: number;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Accepted {
  readonly id: string;
  readonly origin: string;
  readonly seq: number;
  readonly heldBy: number;
}

export interface Message {
  readonly id: string;
  readonly body: string;
  readonly author: string;
  readonly key?: string | null | undefined;
  readonly headers?: Readonly<Record<string, string>> | null | undefined;
}

/** What both public APIs can do. */
export interface Client {
  /** Throws `ApiError` when the message was not accepted. */
  publish(draft: Draft): Promise<Accepted>;
  /** Undefined when there is no such message. */
  message(id: string): Promise<Message | undefined>;
}

const acceptedSchema = z.object({ id: z.string(), origin: z.string(), seq: z.int(), heldBy: z.int() });
const messageSchema = z.object({
  id: z.string(),
  body: z.string(),
  author: z.string(),
  key: z.string().nullish(),
  headers: z.record(z.string(), z.string()).nullish(),
});

export class MobileClient implements Client {
  readonly #base: string;
  readonly #token: string;

  constructor(gateway: string, token: string) {
    this.#base = `${gateway}/mobile/v1`;
    this.#token = token;
  }

  async publish({ topic, idempotencyKey, acks = 1, timeoutMs = 5_000, ...message }: Draft): Promise<Accepted> {
    const path = `/topics/${encodeURIComponent(topic)}/messages?acks=${acks}&timeoutMs=${timeoutMs}`;
    const answer = await request(`${this.#base}${path}`, {
      token: this.#token,
      json: message,
      headers: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
    });
    if (answer.status !== 201 && answer.status !== 202) throw new ApiError(answer);
    return acceptedSchema.parse(answer.body);
  }

  async message(id: string): Promise<Message | undefined> {
    const answer = await request(`${this.#base}/messages/${id}`, { token: this.#token });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new ApiError(answer);
    return messageSchema.parse(answer.body);
  }
}

const publishMutation = `mutation ($input: PublishInput!) {
  publish(input: $input) { heldBy message { id origin seq } }
}`;
const publishDataSchema = z.object({
  publish: z.object({ heldBy: z.int(), message: acceptedSchema.omit({ heldBy: true }) }),
});
const messageDataSchema = z.object({ message: messageSchema.nullable() });
const addedSchema = z.object({ data: z.object({ messageAdded: z.object({ message: messageSchema }) }) });

export class WebClient implements Client {
  readonly #url: string;
  readonly #token: string;

  constructor(gateway: string, token: string) {
    this.#url = `${gateway}/web/graphql`;
    this.#token = token;
  }

  async publish(input: Draft): Promise<Accepted> {
    const { publish } = await this.query(publishDataSchema, publishMutation, { input });
    return { ...publish.message, heldBy: publish.heldBy };
  }

  async message(id: string): Promise<Message | undefined> {
    const document = 'query ($id: ID!) { message(id: $id) { id body author key headers } }';
    const { message } = await this.query(messageDataSchema, document, { id });
    return message ?? undefined;
  }

  /** The data of one operation; throws `ApiError` when the answer holds any error. */
  async query<Data>(
    schema: z.ZodType<Data>,
    query: string,
    variables: Readonly<Record<string, unknown>> = {},
  ): Promise<Data> {
    const answer = await request(this.#url, { token: this.#token, json: { query, variables } });
    if (answer.status !== 200 || errorOf(answer) !== undefined) throw new ApiError(answer);
    return z.object({ data: schema }).parse(answer.body).data;
  }

  /** Messages of a topic as they arrive, until `signal` aborts, which is an error to the reader. */
  async subscribe(topic: string, signal: AbortSignal): Promise<AsyncGenerator<Message, void>> {
    const query = 'subscription ($topic: String!) { messageAdded(topic: $topic) { message { id body author } } }';
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        authorization: `Bearer ${this.#token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ query, variables: { topic } }),
      signal,
    });
    if (response.status !== 200 || response.body === null) throw new Error(`no subscription: ${response.status}`);
    return messagesIn(response.body);
  }
}

async function* messagesIn(stream: ReadableStream<Uint8Array>): AsyncGenerator<Message, void> {
  for await (const { event, data } of parseEventStream(stream)) {
    if (event === 'complete') return;
    if (event === 'next') yield addedSchema.parse(JSON.parse(data)).data.messageAdded.message;
  }
}
