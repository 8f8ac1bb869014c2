import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { membersResponseSchema } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type ListeningServer, listen } from '@grapevine/shared/http/listen.ts';
import { requestIdHeader, sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { Pool } from 'undici';

/** Names of a connection's own, which do not go on to the next one. */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host', 'content-length']);

/**
 * Stands before each node of a cluster, and tells whoever asks for the members that they are at the taps. So it is known which node answered
 * a request, by the request's id, and a node can be kept from answering one.
 */
export class NodeTaps implements AsyncDisposable {
  readonly #taps = new Map<string, { readonly server: ListeningServer; readonly pool: Pool }>();
  /** By request id, the node that answered. */
  readonly #answered = new Map<string, string>();
  /** By request id, the node that must not answer. */
  readonly #barred = new Map<string, string>();

  /** Addresses of the taps. */
  get urls(): readonly string[] {
    return [...this.#taps.values()].map(({ server }) => server.url);
  }

  /** The node at `url` is called `node` from now on only by way of its tap. */
  async add(node: string, url: string): Promise<void> {
    const pool = new Pool(url, { connections: 64 });
    const http = createServer((request, response) => {
      this.#pass(node, pool, request, response).catch(() => response.destroy());
    });
    const server = await listen(http, { name: node, host: '127.0.0.1', port: 0, portFlag: '-', drainMs: 0 });
    this.#taps.set(node, { server, pool });
  }

  /** Which node has answered the request of this id; forgets it. */
  take(requestId: string): string | undefined {
    const node = this.#answered.get(requestId);
    this.#answered.delete(requestId);
    this.#barred.delete(requestId);
    return node;
  }

  /** `node` will say to the request of this id that it is not far enough. */
  bar(node: string, requestId: string): void {
    this.#barred.set(requestId, node);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#taps.values()].map(({ server, pool }) => Promise.all([server.stop(), pool.destroy()])));
  }

  async #pass(node: string, pool: Pool, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers[requestIdHeader];
    if (typeof id === 'string' && this.#barred.get(id) === node) {
      request.resume();
      sendProblem(request, response, new GrapevineError('NOT_YET', 'Somebody else has to answer this.'));
      return;
    }
    const { method = 'GET', url = '/' } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !hopByHop.has(name)));
    const answer = await pool.request({
      method: method === 'POST' ? 'POST' : 'GET',
      path: url,
      headers,
      body: request,
    });
    if (typeof id === 'string' && answer.statusCode < 300) this.#answered.set(id, node);
    const passed = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name));
    response.writeHead(answer.statusCode, Object.fromEntries(passed));
    if (url === '/v1/members' && answer.statusCode === 200) {
      response.end(JSON.stringify(this.#tapped(await answer.body.json())));
      return;
    }
    response.flushHeaders();
    await pipeline(answer.body, response);
  }

  #tapped(body: unknown): object {
    const { members, ...rest } = membersResponseSchema.parse(body);
    const moved = members.map((member) => ({
      ...member,
      http: this.#taps.get(member.name)?.server.url ?? member.http,
    }));
    return { ...rest, members: moved };
  }
}
