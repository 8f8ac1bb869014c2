import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type ListeningServer, listen } from '@grapevine/shared/http/listen.ts';
import { sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { Registry } from 'prom-client';
import type { CacheStatus } from './cache/answer-cache.ts';
import { type Purge, parsePurge } from './cache/purge.ts';
import type { CountedIn } from './limits/point-store.ts';
import type { RateStatus } from './limits/rate-limiter.ts';
import type { LoadStatus } from './load/load-limits.ts';
import { pathOf } from './routes/request-target.ts';
import type { RouteTable } from './routes/route-table.ts';
import type { UpstreamStatus } from './upstreams/upstream-pool.ts';

/** What the gateway can say about itself, of one process or of all workers together. */
export interface AdminSources {
  readonly routes: RouteTable;
  readonly config: GatewayConfig;
  /** In the Prometheus text format. */
  metrics(): Promise<string>;
  upstreams(): Promise<readonly UpstreamStatus[]>;
  rates(): Promise<readonly RateStatus[]>;
  cache(): Promise<CacheStatus>;
  /** Takes answers out of the cache; answers how many. */
  purge(purge: Purge): Promise<number>;
  countedIn(): CountedIn;
  load(): Promise<LoadStatus>;
  readiness(): 'ready' | 'starting' | 'draining';
}

/** Starts the admin listener; throws `PORT_TAKEN`. */
export function startAdmin(sources: AdminSources): Promise<ListeningServer> {
  const { adminHost, adminPort } = sources.config;
  return listen(createAdminServer(sources), {
    name: 'gateway admin',
    host: adminHost,
    port: adminPort,
    portFlag: '--base-port, or gateway.adminPort in the configuration',
    drainMs: 0,
  });
}

type AdminHandler = (response: ServerResponse, query: URLSearchParams) => void | Promise<void>;

/** What operators and probes read, and what operators change. It has no login of its own: keep it on loopback. */
function createAdminServer(sources: AdminSources): Server {
  const { routes, config } = sources;
  const writes: ReadonlyMap<string, AdminHandler> = new Map<string, AdminHandler>([
    [
      '/cache/purge',
      async (response, query) => sendJson(response, 200, { purged: await sources.purge(parsePurge(query)) }),
    ],
  ]);
  const reads: ReadonlyMap<string, AdminHandler> = new Map<string, AdminHandler>([
    ['/healthz', (response) => sendJson(response, 200, { status: 'ok' })],
    ['/readyz', (response) => sendReadiness(response, sources.readiness())],
    ['/metrics', async (response) => sendMetrics(response, await sources.metrics())],
    ['/cache', async (response) => sendJson(response, 200, await sources.cache())],
    ['/upstreams', async (response) => sendJson(response, 200, { upstreams: await sources.upstreams() })],
    // As they stand in the configuration, with its defaults.
    ['/routes', (response) => sendJson(response, 200, { routes: routes.routes.map((route) => route.config) })],
    [
      '/limits',
      async (response) =>
        sendJson(response, 200, {
          countedIn: sources.countedIn(),
          rates: await sources.rates(),
          load: await sources.load(),
          maxBodyBytes: config.maxBodyBytes,
        }),
    ],
  ]);
  return createServer((request, response) => {
    answer({ reads, writes }, request, response).catch((error: unknown) => sendProblem(request, response, error));
  });
}

async function answer(
  {
    reads,
    writes,
  }: { readonly reads: ReadonlyMap<string, AdminHandler>; readonly writes: ReadonlyMap<string, AdminHandler> },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url = '' } = request;
  const path = pathOf(url);
  const handler = reads.get(path) ?? writes.get(path);
  if (handler === undefined) {
    throw new GrapevineError(
      'NOT_FOUND',
      `The admin listener serves ${[...reads.keys(), ...writes.keys()].join(', ')}.`,
    );
  }
  const allowed = reads.has(path) ? ['GET', 'HEAD'] : ['POST'];
  if (!allowed.includes(request.method ?? '')) {
    response.setHeader('allow', allowed.join(', '));
    throw new GrapevineError('METHOD_NOT_ALLOWED', `Found ${request.method}; expected ${allowed.join(' or ')}.`);
  }
  await handler(response, new URLSearchParams(url.slice(path.length)));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

function sendMetrics(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE });
  response.end(text);
}

function sendReadiness(response: ServerResponse, status: 'ready' | 'starting' | 'draining'): void {
  sendJson(response, status === 'ready' ? 200 : 503, { status });
}
