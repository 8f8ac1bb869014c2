import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { limits } from '../contracts/limits.ts';
import {
  type Comparison,
  comparisonSchema,
  type Fork,
  forksResponseSchema,
  type HeadsResponse,
  headsResponseSchema,
  type Member,
  type MembersResponse,
  type Message,
  type MessagesResponse,
  membersResponseSchema,
  messagesByIdResponseSchema,
  messagesResponseSchema,
  originRootResponseSchema,
  type PublishRequestInput,
  type PublishResponse,
  publishResponseSchema,
  type SyncResponse,
  syncResponseSchema,
  type Topic,
  type TopicsResponse,
  topicSchema,
  topicsResponseSchema,
} from '../contracts/node-api.ts';
import { type MessageProof, messageProofSchema } from '../contracts/proof.ts';
import { type RepairReport, type RepairRequestInput, repairAnswerMs, repairReportSchema } from '../contracts/repair.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import type { Stoppable } from '../lifecycle.ts';
import type { Caller } from './caller.ts';
import { type CallsOptions, ClusterCalls } from './cluster-calls.ts';
import { followMessages, type MessageEvent } from './message-stream.ts';
import { type Sighting, sightings } from './sightings.ts';
import { TopicChanges } from './topic-changes.ts';

export interface PageRequest {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  readonly direction?: 'forward' | 'backward';
  /** Only messages by this author, with this key, of a time: from `fromMs` on and before `untilMs`, in milliseconds since 1970. */
  readonly author?: string | undefined;
  readonly key?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** A consistency token: only a node that holds what it covers answers. */
  readonly consistency?: string | undefined;
}

export interface SyncRequest {
  readonly since?: string | undefined;
  readonly topics?: readonly string[];
  readonly limit: number;
  /** A consistency token: only a node that holds what it covers answers. */
  readonly consistency?: string | undefined;
}

/** `acknowledged` is false when `acks` nodes did not hold everything in time: accepted, but not yet as safe as asked for. */
export interface PublishAnswer extends PublishResponse {
  readonly acknowledged: boolean;
}

/**
 * Other nodes that are asked for a message which one node does not hold. A message just published elsewhere takes a
 * gossip round to arrive, and ids are content hashes, so that any node's answer is as good as any other's.
 */
const furtherNodesForMissing = 2;
/** Metrics of one node: about 20 KiB in practice. */
const maxMetricsBytes = 1024 * 1024;

/**
 * The cluster as its callers see it: one thing that answers while any node does. Calls go to one of two random live
 * nodes, the less loaded, and on to another when that one is down or not far enough; see `mayGoOn` for what is
 * repeated and what is not. Every method throws `GrapevineError`: a node's own refusal as it came, `UNAVAILABLE` with
 * `retryAfterSeconds` when no node could be asked, `UPSTREAM_TIMEOUT` when the time ran out, `UPSTREAM_FAILED` when the
 * outcome is unknown or the answer does not fit the contract.
 */
export class ClusterClient implements Stoppable {
  readonly name = 'cluster client';
  readonly #calls: ClusterCalls;

  constructor(options: CallsOptions) {
    this.#calls = new ClusterCalls(options);
  }

  /**
   * Publishes all messages, in order, or none. Tried at another node only when the first certainly did not take it, or
   * when every message carries an idempotency key.
   */
  async publish(caller: Caller, request: PublishRequestInput): Promise<PublishAnswer> {
    const answer = await this.#calls.call(caller, publishResponseSchema, {
      method: 'POST',
      path: '/v1/messages',
      body: JSON.stringify(request),
      repeatable: request.messages.every((message) => message.idempotencyKey !== undefined),
      // Only a publish that wants more nodes than the one asked waits for anybody.
      waitsMs: (request.acks ?? 1) > 1 ? (request.timeoutMs ?? 5_000) : 0,
    });
    return { ...answer.body, acknowledged: answer.status === 201 };
  }

  /** Topics in byte order of their names, after the name `after`. */
  async topics(
    caller: Caller,
    page: { readonly limit: number; readonly after?: string | undefined; readonly consistency?: string | undefined },
  ): Promise<TopicsResponse> {
    return this.#get(caller, topicsResponseSchema, `/v1/topics${queryOf({ ...page })}`);
  }

  /** `undefined` when nothing has been published to the topic. */
  async topic(caller: Caller, name: string, consistency?: string): Promise<Topic | undefined> {
    return this.#find(caller, topicSchema, `/v1/topics/${encodeURIComponent(name)}${queryOf({ consistency })}`);
  }

  /** One page of a topic, in topic order whatever the direction. */
  async messages(caller: Caller, topic: string, page: PageRequest): Promise<MessagesResponse> {
    const path = `/v1/topics/${encodeURIComponent(topic)}/messages${queryOf({ ...page })}`;
    return this.#get(caller, messagesResponseSchema, path);
  }

  /**
   * One place per id, in the order asked; `undefined` where no node that was asked holds such a message, `ERASED` where one
   * has only its hash left and no other has more. At most `limits.idsPerRead` ids. Of what `consistency` covers nothing is
   * said to be missing: it throws `NOT_YET` instead.
   */
  async messagesByIds(
    caller: Caller,
    ids: readonly string[],
    consistency?: string,
  ): Promise<readonly (Message | Error | undefined)[]> {
    const found = new Map<string, Message>();
    const erased = new Set<string>();
    await this.#lookFor(consistency, async (token, avoid) => {
      const missing = ids.filter((id) => !found.has(id));
      const { node, body } = await this.#calls.call(caller, messagesByIdResponseSchema, {
        method: 'GET',
        path: `/v1/messages${queryOf({ ids: missing.join(','), consistency: token })}`,
        avoid,
      });
      for (const message of body.items) if (message !== null) found.set(message.id, message);
      for (const id of body.erased) erased.add(id);
      return { node, complete: ids.every((id) => found.has(id)) };
    });
    const missing = (id: string): Error | undefined =>
      erased.has(id) ? new GrapevineError('ERASED', `Message ${id} has been erased.`) : undefined;
    return ids.map((id) => found.get(id) ?? missing(id));
  }

  /** The message with this id; `undefined` when no node that was asked holds it. Throws `ERASED` when only its hash is left, and like `messagesByIds`. */
  async message(caller: Caller, id: string, consistency?: string): Promise<Message | undefined> {
    const [message] = await this.messagesByIds(caller, [id], consistency);
    if (message instanceof Error) throw message;
    return message;
  }

  /**
   * The proof that the message is in its origin's signed log; `undefined` when no node that was asked holds the message. It
   * is without the entry when that has been erased. Throws `NOT_YET` like `messagesByIds`.
   */
  async proof(caller: Caller, id: string, consistency?: string): Promise<MessageProof | undefined> {
    let proof: MessageProof | undefined;
    await this.#lookFor(consistency, async (token, avoid) => {
      const { node, body } = await this.#calls.find(caller, messageProofSchema, {
        method: 'GET',
        path: `/v1/messages/${encodeURIComponent(id)}/proof${queryOf({ consistency: token })}`,
        avoid,
      });
      proof = body;
      return { node, complete: body !== undefined };
    });
    return proof;
  }

  /**
   * Asks a node for what has the same content wherever it is, and some others for what that one does not hold. Last of all, one
   * that holds what `consistency` covers: no other can say that there is no such thing.
   */
  async #lookFor(
    consistency: string | undefined,
    ask: (token: string | undefined, avoid: ReadonlySet<string>) => Promise<{ node: string; complete: boolean }>,
  ): Promise<void> {
    const asked = new Set<string>();
    for (let further = 0; further <= furtherNodesForMissing; further++) {
      if (further > 0 && !this.#calls.hasOthers(asked)) break;
      const { node, complete } = await ask(undefined, asked);
      if (complete) return;
      asked.add(node);
    }
    if (consistency !== undefined) await ask(consistency, new Set());
  }

  /** Entries that `since` does not cover, each origin's in order. */
  async sync(caller: Caller, request: SyncRequest): Promise<SyncResponse> {
    const { topics = [], ...rest } = request;
    const path = `/v1/sync${queryOf({ ...rest, topics: topics.length === 0 ? undefined : topics.join(',') })}`;
    return this.#get(caller, syncResponseSchema, path);
  }

  /**
   * Messages as they arrive, without gaps or repetition also when the node that serves them dies: the next one goes on
   * from the last token. Starts at the present without `since`. Ends when `caller.signal` is aborted or the consumer
   * returns; throws when no node could be reached for `requestTimeoutMs`.
   */
  stream(
    caller: Caller,
    request: { readonly topic?: string | undefined; readonly since?: string | undefined },
  ): AsyncGenerator<MessageEvent, void, undefined> {
    return followMessages(this.#calls, caller, request);
  }

  /** Follows which topics change, until it is stopped. One per process is enough: it serves any number of askers. */
  followChanges(): TopicChanges {
    return new TopicChanges(this.#calls);
  }

  /** The membership as one live node sees it, that node first. */
  async members(caller: Caller): Promise<MembersResponse> {
    return this.#get(caller, membersResponseSchema, '/v1/members');
  }

  /** What the node called `nodeName` says of itself. */
  async member(caller: Caller, nodeName: string): Promise<Member> {
    const { body } = await this.#calls.call(caller, membersResponseSchema, {
      method: 'GET',
      path: '/v1/members',
      node: nodeName,
    });
    const own = body.members.find(({ name }) => name === nodeName);
    if (own !== undefined && body.self === nodeName) return own;
    throw otherNode(nodeName, body.self);
  }

  /** The heads of the node called `nodeName`; nobody else answers for it. */
  async heads(caller: Caller, nodeName: string): Promise<HeadsResponse> {
    const answer = await this.#calls.call(caller, headsResponseSchema, {
      method: 'GET',
      path: '/v1/heads',
      node: nodeName,
    });
    if (answer.body.node === nodeName) return answer.body;
    throw otherNode(nodeName, answer.body.node);
  }

  /** The root, in hex, of the origin's log at `size` as `nodeName` holds it; `undefined` when it holds fewer entries. */
  async rootAt(caller: Caller, nodeName: string, origin: string, size: number): Promise<string | undefined> {
    const answer = await this.#calls.find(caller, originRootResponseSchema, {
      method: 'GET',
      path: `/v1/origins/${encodeURIComponent(origin)}/root${queryOf({ size })}`,
      node: nodeName,
    });
    return answer.body?.root;
  }

  /** Every fork that the node called `nodeName` has seen and remembers, those that last first. */
  async forks(caller: Caller, nodeName: string): Promise<readonly Fork[]> {
    const call = { method: 'GET', path: '/v1/forks', node: nodeName } as const;
    return (await this.#calls.call(caller, forksResponseSchema, call)).body.forks;
  }

  /** What the node called `nodeName` counts, in the Prometheus text format; `signal` bounds the time. */
  async metrics(nodeName: string, signal: AbortSignal): Promise<string> {
    const body = await this.#calls.openAt(this.#calls.self, nodeName, '/metrics', signal);
    return readBounded(body, maxMetricsBytes);
  }

  /** Names of the nodes that there are, as far as is known without asking. */
  nodeNames(): readonly string[] {
    return this.#calls.names();
  }

  /** Messages of a topic, once for each node that shows them; see `sightings`. */
  async sightings(caller: Caller, topic: string): Promise<AsyncGenerator<Sighting, void, undefined>> {
    const { members } = await this.members(caller);
    const counted = members.filter(({ state }) => state !== 'left').slice(0, limits.acks);
    const names = counted.map(({ name }) => name);
    return sightings(this.#calls, caller, names, topic);
  }

  /** Compares two nodes, both by name; node `a` does the work and checks the signatures of `b`. */
  async compare(caller: Caller, a: string, b: string): Promise<Comparison> {
    const answer = await this.#calls.call(caller, comparisonSchema, {
      method: 'GET',
      path: `/v1/compare${queryOf({ peer: b })}`,
      node: a,
    });
    return answer.body;
  }

  /** Has the node called `nodeName` check what it stores and mend what is damaged, at once; nobody else does it in its stead. */
  async repair(caller: Caller, nodeName: string, request: RepairRequestInput): Promise<RepairReport> {
    const answer = await this.#calls.call(caller, repairReportSchema, {
      method: 'POST',
      path: '/v1/repair',
      body: JSON.stringify(request),
      node: nodeName,
      repeatable: true,
      waitsMs: repairAnswerMs,
    });
    if (answer.body.node === nodeName) return answer.body;
    throw otherNode(nodeName, answer.body.node);
  }

  /** Whether any node answers right now; for readiness. */
  async reachable(): Promise<boolean> {
    return this.#calls.reachable();
  }

  async stop(): Promise<void> {
    await this.#calls.stop();
  }

  async #get<Schema extends z.ZodType>(caller: Caller, schema: Schema, path: string): Promise<z.output<Schema>> {
    const answer = await this.#calls.call(caller, schema, { method: 'GET', path });
    return answer.body;
  }

  async #find<Schema extends z.ZodType>(
    caller: Caller,
    schema: Schema,
    path: string,
  ): Promise<z.output<Schema> | undefined> {
    const answer = await this.#calls.find(caller, schema, { method: 'GET', path });
    return answer.body;
  }
}

/** An address that meant one node led to another: what it says must not pass for the first one's. */
function otherNode(expected: string, found: string): GrapevineError {
  return new GrapevineError('UPSTREAM_FAILED', `Expected the node ${expected}, but ${found} answered.`);
}

async function readBounded(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new GrapevineError('UPSTREAM_FAILED', `An answer of more than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** `?a=1&b=2` of what is defined. */
function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}
