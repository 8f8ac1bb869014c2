/** One of the servers that ours is compared with, as its guide tells to start it: `rival-server.ts yoga|apollo|mercurius page.json`. */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
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

const [kind, pageFile = ''] = process.argv.slice(2);
/** Already in memory: these servers ask nobody. */
const page: unknown = JSON.parse(readFileSync(pageFile, 'utf8'));
const resolvers = { Query: { messages: (): unknown => page } };
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
