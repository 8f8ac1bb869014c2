/** The nodes' internal API: what each replica holds for itself, where the public APIs would ask any of them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { systemClock } from '@grapevine/shared/clock.ts';
import { parseEventStream } from '@grapevine/shared/cluster-client/event-stream.ts';
import { encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import {
  type Fork,
  forksResponseSchema,
  type Member,
  type Message,
  membersResponseSchema,
  messageSchema,
  messagesByIdResponseSchema,
  messagesResponseSchema,
  type PublishRequestInput,
  type PublishResponse,
  publishResponseSchema,
  type RootResponse,
  rootResponseSchema,
  type Topic,
  topicsResponseSchema,
} from '@grapevine/shared/contracts/node-api.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { z } from 'zod';
import { readIdentityKey } from '../fixtures/key-files.ts';
import { request } from './clients.ts';
import type { Cluster } from './cluster.ts';
import { until } from './until.ts';

/** Asks one node, with the cluster's key. */
export class NodeApi {
  readonly name: string;
  readonly url: string;
  readonly #signer: IdentitySigner;

  constructor(name: string, url: string, signer: IdentitySigner) {
    this.name = name;
    this.url = url;
    this.#signer = signer;
  }

  root(): Promise<RootResponse> {
    return this.#get(rootResponseSchema, '/v1/root');
  }

  /** The forks that this node knows of. */
  async forks(): Promise<readonly Fork[]> {
    return (await this.#get(forksResponseSchema, '/v1/forks')).forks;
  }

  /** This node's members, itself first. */
  async members(): Promise<readonly Member[]> {
    return (await this.#get(membersResponseSchema, '/v1/members')).members;
  }

  /**
   * Publishes as somebody for whom a BFF vouches; throws unless the node took it. `acknowledged` tells whether as many nodes
   * as asked for hold it.
   */
  async publish(
    body: PublishRequestInput,
    answerMs?: number,
  ): Promise<PublishResponse & { readonly acknowledged: boolean }> {
    const identity = this.#signer.sign({ subject: 'e2e', scopes: ['messages:write'] });
    const answer = await request(`${this.url}/v1/messages`, {
      json: body,
      headers: { [identityHeader]: identity },
      ...(answerMs === undefined ? {} : { answerMs }),
    });
    assert.ok(answer.status === 201 || answer.status === 202, `${this.name}: ${JSON.stringify(answer.body)}`);
    return { ...publishResponseSchema.parse(answer.body), acknowledged: answer.status === 201 };
  }

  /** One place per id, in the order asked; null where this node holds no such message. */
  async messages(ids: readonly string[]): Promise<(Message | null)[]> {
    const found: (Message | null)[] = [];
    for (let at = 0; at < ids.length; at += limits.idsPerRead) {
      const part = ids.slice(at, at + limits.idsPerRead).join(',');
      found.push(...(await this.#get(messagesByIdResponseSchema, `/v1/messages?ids=${part}`)).items);
    }
    return found;
  }

  /** The topics, by name; fails when there are more than fit one page. */
  async topics(): Promise<readonly Topic[]> {
    const { items, next } = await this.#get(topicsResponseSchema, `/v1/topics?limit=${limits.pageSize}`);
    assert.equal(next, null);
    return items;
  }

  /** Every message of a topic, in topic order. */
  async topic(name: string): Promise<Message[]> {
    const all: Message[] = [];
    for (let after = ''; ; ) {
      const path = `/v1/topics/${encodeURIComponent(name)}/messages?limit=${limits.pageSize}${after}`;
      const { items, hasNext } = await this.#get(messagesResponseSchema, path);
      all.push(...items);
      const last = items.at(-1);
      if (!hasNext || last === undefined) return all;
      after = `&after=${encodeURIComponent(encodeCursor(last))}`;
    }
  }

  /** Messages as this node shows them, from the present on, until `signal` aborts. Resolves once the stream is open. */
  async stream(signal: AbortSignal): Promise<AsyncIterable<Message>> {
    const identity = this.#signer.sign({ subject: 'e2e', scopes: ['messages:read'] });
    const { status, body } = await fetch(`${this.url}/v1/stream`, { headers: { [identityHeader]: identity }, signal });
    assert.ok(status === 200 && body !== null, `${this.name} /v1/stream: ${status}`);
    return messagesOf(body);
  }

  /** Every series of `/metrics`, by its name and labels as printed. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const { status, body } = await request(`${this.url}/metrics`);
    assert.equal(status, 200);
    const lines = z.string().parse(body).split('\n');
    const series = lines.filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      series.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  }

  /** Any answer of the API, as text. */
  async raw(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const identity = this.#signer.sign({ subject: 'e2e', scopes: ['messages:read', 'cluster:read'] });
    const { status, body } = await request(`${this.url}${path}`, { headers: { [identityHeader]: identity } });
    return { status, text: typeof body === 'string' ? body : JSON.stringify(body) };
  }

  async #get<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> {
    const identity = this.#signer.sign({ subject: 'e2e', scopes: ['messages:read', 'cluster:read'] });
    const { status, body } = await request(`${this.url}${path}`, { headers: { [identityHeader]: identity } });
    assert.equal(status, 200, `${this.name} ${path}: ${JSON.stringify(body)}`);
    return schema.parse(body);
  }
}

async function* messagesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Message, void> {
  for await (const { event, data } of parseEventStream(chunks)) {
    if (event === 'message') yield messageSchema.parse(JSON.parse(data));
  }
}

/** The APIs of all nodes of a running cluster. */
export function nodeApis(cluster: Cluster): NodeApi[] {
  const key = readIdentityKey(join(cluster.dataDir, 'secrets/cluster.key'), 'node-identity');
  const signer = new IdentitySigner(key, 'node', systemClock);
  return cluster.nodes.map(({ name, http }) => new NodeApi(name, http, signer));
}

/** Waits until all nodes have the same root, and answers it. */
export function untilRootsEqual(nodes: readonly NodeApi[], deadlineMs?: number): Promise<string> {
  return until(
    'all roots equal',
    async () => {
      const roots = await Promise.all(nodes.map((node) => node.root()));
      const [first] = roots;
      return first !== undefined && roots.every(({ root }) => root === first.root) && first.root;
    },
    deadlineMs,
  );
}
