/** `@fastify/http-proxy`, which forwards by undici, with nothing else on. */
import type { Server } from 'node:http';
import { rival } from '../rivals.ts';
import { announce, upstreamFromArguments } from './proxy-process.ts';

/** What is used of fastify. */
interface Fastify {
  readonly server: Server;
  register(plugin: unknown, options: object): void;
  listen(options: { readonly host: string; readonly port: number }): Promise<unknown>;
}

const fastify = (rival('fastify') as () => Fastify)();
fastify.register(rival('@fastify/http-proxy'), { upstream: upstreamFromArguments() });
await fastify.listen({ host: '127.0.0.1', port: 0 });
announce(fastify.server);
