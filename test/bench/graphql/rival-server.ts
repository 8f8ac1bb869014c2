/**
 * One of the servers that ours is compared with, as its guide tells to start it, before the same node:
 * `rival-server.ts yoga|apollo|mercurius node-url key-file`.
 */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@grapevine/shared/clock.ts';
import { encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import type { MessagesResponse } from '@grapevine/shared/contracts/node-api.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { hlcFromHex, hlcMs } from '@grapevine/shared/log/hlc.ts';
import { Pool } from 'undici';
import { z } from 'zod';
import { readIdentityKey } from '../../fixtures/key-files.ts';
import { rival } from '../rivals.ts';

const typeDefs = `
  scalar DateTime
  scalar BigInt
  type Query { messages(topic: String!, last: Int): MessageConnection! }
  type MessageConnection { edges: [MessageEdge!]! pageInfo: PageInfo! totalCount: Int! }
  type MessageEdge { cursor: String! node: Message! }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type Message { id: ID! author: String! body: String! seq: BigInt! createdAt: DateTime! }
`;

const [kind, nodeUrl = '', keyFile = ''] = process.argv.slice(2);
const node = new Pool(nodeUrl, { connections: 64 });
const signer = new IdentitySigner(readIdentityKey(keyFile, 'node-identity'), 'node', systemClock);
const identity = { subject: 'bench', scopes: ['messages:read' as const] };

/** One call to the node over a kept connection; what it answers is believed. */
async function messages(topic: string, last: number): Promise<object> {
  const { body } = await node.request({
    method: 'GET',
    path: `/v1/topics/${topic}/messages?limit=${last}&direction=backward`,
    headers: { [identityHeader]: signer.sign(identity) },
  });
  const { items, topic: state, hasNext, hasPrevious } = (await body.json()) as MessagesResponse;
  const edges = items.map((message) => ({
    cursor: encodeCursor(message),
    node: { ...message, createdAt: new Date(hlcMs(hlcFromHex(message.hlc))) },
  }));
  const pageInfo = {
    hasNextPage: hasNext,
    hasPreviousPage: hasPrevious,
    startCursor: edges.at(0)?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
  return { edges, pageInfo, totalCount: state.count };
}

interface Asked {
  readonly topic: string;
  readonly last: number;
}
const resolvers = {
  Query: { messages: (_root: unknown, { topic, last }: Asked): Promise<object> => messages(topic, last) },
};
const servers: Readonly<Record<string, () => Promise<number>>> = { yoga, apollo, mercurius };
const start = servers[kind ?? ''];
if (start === undefined) throw new Error(`Expected one of ${Object.keys(servers).join(', ')}, found ${kind}.`);
const http = await start();
process.send?.({ type: 'ready', ports: { http } });
process.once('disconnect', () => process.exit(0));

async function yoga(): Promise<number> {
  const { createYoga, createSchema } = rival('graphql-yoga') as {
    createYoga(options: object): RequestListener;
    createSchema(options: object): object;
  };
  const server = createServer(createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function apollo(): Promise<number> {
  const { ApolloServer } = rival('@apollo/server') as { ApolloServer: new (options: object) => object };
  const { startStandaloneServer } = rival('@apollo/server/standalone') as {
    startStandaloneServer(server: object, options: object): Promise<{ readonly url: string }>;
  };
  const listen = { port: 0, host: '127.0.0.1' };
  const { url } = await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), { listen });
  return Number(new URL(url).port);
}

async function mercurius(): Promise<number> {
  const fastify = (
    rival('fastify') as () => {
      register(plugin: unknown, options: object): void;
      listen(options: object): Promise<string>;
    }
  )();
  fastify.register(rival('mercurius'), { schema: typeDefs, resolvers, jit: 1, path: '/graphql' });
  return z.coerce.number().parse(new URL(await fastify.listen({ host: '127.0.0.1', port: 0 })).port);
}
