import type { Random } from '@grapevine/shared/random.ts';
import { z } from 'zod';
import type { Exchange } from './exchange.ts';
import { bodyOf, type Published } from './published.ts';

/** Bearer tokens, by the API that they are for. */
export interface Tokens {
  readonly web: string;
  readonly mobile: string;
}

const kinds = [
  'web page',
  'web publish',
  'web topics',
  'web message',
  'mobile page',
  'mobile publish',
  'mobile sync',
  'mobile message',
] as const;
type Kind = (typeof kinds)[number];

/** How often each request comes, of as many as the numbers add up to. People read more than they write. */
const web = { 'web page': 50, 'web publish': 25, 'web topics': 10, 'web message': 15 };
const mobile = { 'mobile page': 40, 'mobile publish': 25, 'mobile sync': 25, 'mobile message': 10 };
const mixes = {
  web,
  mobile,
  publish: { 'web publish': 1, 'mobile publish': 1 },
  mixed: { ...web, ...mobile },
  /** The same for a long time at a low rate: what leaks or piles up shows. */
  soak: { ...web, ...mobile },
} satisfies Readonly<Record<string, Partial<Record<Kind, number>>>>;

export type Scenario = keyof typeof mixes;
export const scenarios = Object.keys(mixes) as readonly Scenario[];

/** Topics that a run writes to: some messages meet in one topic, and no topic is all there is. */
const topicCount = 8;
/** Phones that sync, each from where it left off. */
const phoneCount = 64;
/** Messages that single reads ask for: those published last. */
const recentCount = 256;
/** A body's length in characters: an order, a reading, a line of chat. */
const bodyLength = 200;
const pageSize = 20;

const publishMutation =
  'mutation ($input: PublishInput!) { publish(input: $input) { heldBy message { id } consistencyToken } }';
const pageQuery = `query ($topic: String!) { messages(topic: $topic, last: ${pageSize}) { totalCount edges { cursor node { id author body createdAt } } } }`;
const topicsQuery = '{ topics(first: 20) { edges { node { name count } } } }';
const messageQuery = 'query ($id: ID!) { message(id: $id) { id topic author body headers createdAt } }';

const problemSchema = z.object({ code: z.string() });
const errorsSchema = z.object({ errors: z.array(z.object({ extensions: z.object({ code: z.string() }) })).min(1) });
const publishedOnWebSchema = z.object({
  data: z.object({ publish: z.object({ message: z.object({ id: z.string() }) }) }),
});
const publishedOnMobileSchema = z.object({ id: z.string() });
const syncedSchema = z.object({ token: z.string() });

/** What the clients of one scenario ask for, one request after the other, drawn by chance. */
export class Workload {
  /** Topics of this run alone begin with it. */
  readonly prefix: string;
  readonly #tokens: Tokens;
  readonly #random: Random;
  readonly #published: Published;
  readonly #deck: readonly Kind[];
  readonly #phones: (string | undefined)[] = Array.from({ length: phoneCount }, () => undefined);
  readonly #recent: string[] = [];
  #number = 0;
  #acknowledged = 0;

  constructor(scenario: Scenario, runId: string, tokens: Tokens, published: Published, random: Random) {
    this.prefix = `load/${runId}`;
    this.#tokens = tokens;
    this.#random = random;
    this.#published = published;
    const mix: Partial<Record<Kind, number>> = mixes[scenario];
    this.#deck = kinds.flatMap((kind) => Array.from({ length: mix[kind] ?? 0 }, () => kind));
  }

  /** A publish to each topic, so that what is read is there. */
  first(): Exchange[] {
    return Array.from({ length: topicCount }, (_, i) => this.#publishOnMobile(this.#topic(i)));
  }

  next(): Exchange {
    const kind = this.#deck[this.#random.below(this.#deck.length)] ?? 'web publish';
    const topic = this.#topic(this.#random.below(topicCount));
    switch (kind) {
      case 'web page':
        return this.#query(kind, pageQuery, { topic });
      case 'web topics':
        return this.#query(kind, topicsQuery, {});
      case 'web message':
        return this.#query(kind, messageQuery, { id: this.#recentId() });
      case 'web publish':
        return this.#publishOnWeb(topic);
      case 'mobile page':
        return this.#get(kind, `/topics/${encodeURIComponent(topic)}/messages?before=end&limit=${pageSize}`);
      case 'mobile message':
        return this.#get(kind, `/messages/${this.#recentId()}`);
      case 'mobile sync':
        return this.#sync(this.#random.below(phoneCount));
      case 'mobile publish':
        return this.#publishOnMobile(topic);
    }
  }

  #topic(number: number): string {
    return `${this.prefix}/${number}`;
  }

  #recentId(): string {
    const id = this.#recent[this.#random.below(this.#recent.length)];
    if (id === undefined) throw new Error('Nothing has been published yet: the first requests come first.');
    return id;
  }

  #acknowledge(topic: string, idempotencyKey: string, id: string): void {
    this.#published.acknowledge(topic, idempotencyKey);
    this.#recent[this.#acknowledged++ % recentCount] = id;
  }

  #key(): string {
    return `${this.prefix}/${this.#number++}`;
  }

  #publishOnWeb(topic: string): Exchange {
    const idempotencyKey = this.#key();
    const input = { topic, body: bodyOf(idempotencyKey, bodyLength), idempotencyKey };
    return this.#query('web publish', publishMutation, { input }, (answer) =>
      this.#acknowledge(topic, idempotencyKey, publishedOnWebSchema.parse(answer).data.publish.message.id),
    );
  }

  #query(
    name: Kind,
    query: string,
    variables: Readonly<Record<string, unknown>>,
    onAnswer?: (answer: unknown) => void,
  ): Exchange {
    return {
      name,
      method: 'POST',
      path: '/web/graphql',
      headers: { authorization: `Bearer ${this.#tokens.web}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      judge: (status, body) => {
        // The answers to reads are not decoded whole: what that costs would be missing from the load.
        if (status !== 200 || body.includes('"errors":')) return codeOf(status, body);
        onAnswer?.(JSON.parse(body));
        return undefined;
      },
    };
  }

  #publishOnMobile(topic: string): Exchange {
    const idempotencyKey = this.#key();
    return {
      name: 'mobile publish',
      method: 'POST',
      path: `/mobile/v1/topics/${encodeURIComponent(topic)}/messages`,
      headers: {
        authorization: `Bearer ${this.#tokens.mobile}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify({ body: bodyOf(idempotencyKey, bodyLength) }),
      judge: (status, answer) => {
        if (status !== 201) return codeOf(status, answer);
        this.#acknowledge(topic, idempotencyKey, publishedOnMobileSchema.parse(JSON.parse(answer)).id);
        return undefined;
      },
    };
  }

  #sync(phone: number): Exchange {
    const since = this.#phones[phone];
    const topic = encodeURIComponent(this.#topic(phone % topicCount));
    const from = since === undefined ? '' : `&since=${since}`;
    return this.#get('mobile sync', `/sync?topics=${topic}&limit=${pageSize}${from}`, (answer) => {
      this.#phones[phone] = syncedSchema.parse(answer).token;
    });
  }

  #get(name: Kind, path: string, onAnswer?: (answer: unknown) => void): Exchange {
    return {
      name,
      method: 'GET',
      path: `/mobile/v1${path}`,
      headers: { authorization: `Bearer ${this.#tokens.mobile}` },
      judge: (status, body) => {
        if (status !== 200) return codeOf(status, body);
        onAnswer?.(JSON.parse(body));
        return undefined;
      },
    };
  }
}

/** The code in a problem document or in a GraphQL answer; `HTTP_` and the status when there is none. */
function codeOf(status: number, body: string): string {
  const unknown = `HTTP_${status}`;
  try {
    const answer: unknown = JSON.parse(body);
    const problem = problemSchema.safeParse(answer);
    if (problem.success) return problem.data.code;
    return errorsSchema.safeParse(answer).data?.errors[0]?.extensions.code ?? unknown;
  } catch {
    return unknown;
  }
}
