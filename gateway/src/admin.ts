import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type ListeningServer, listen } from '@grapevine/shared/http/listen.ts';
import { sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { Registry } from 'prom-client';
import type { CacheStatus } from './cache/answer-cache.ts';
import { type Purge, parsePurge } from './cache/purge.ts';
import type { CountedIn } from './limits/point-store.ts';
import type { RateStatus } from './limits/rate-limiter.ts';
import type { LoadStatus } from './load/load-limits.ts';
import type { ConfigReload } from './reload/config-reload.ts';
import { pathOf } from './routes/request-target.ts';
import { RouteTable } from './routes/route-table.ts';
import type { UpstreamStatus } from './upstreams/upstream-pool.ts';

/** What the gateway can say about itself, of one process or of all workers together. */
export interface AdminSources {
  readonly config: ConfigReload;
  /** Whether routes for development are there. */
  readonly development: boolean;
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
  const { adminHost, adminPort } = sources.config.inForce.gateway;
  return listen(createAdminServer(sources), {
    name: 'gateway admin',
    host: adminHost,
    port: adminPort,
    portFlag: '--base-port, or gateway.adminPort in the configuration',
    drainMs: 0,
  });
}

type AdminHandler = (response: ServerResponse, query: URLSearchParams) => void | Promise<void>;

/** By path and method. */
type AdminHandlers = Readonly<Record<string, Readonly<{ GET?: AdminHandler; POST?: AdminHandler }>>>;

/** What operators and probes read and do. It has no login of its own: keep it on loopback. */
function createAdminServer(sources: AdminSources): Server {
  const { config, development } = sources;
  const routes = (): RouteTable => new RouteTable(config.inForce.gateway.routes, { development });
  const handlers: AdminHandlers = {
    '/healthz': { GET: (response) => sendJson(response, 200, { status: 'ok' }) },
    '/readyz': { GET: (response) => sendReadiness(response, sources.readiness()) },
    '/metrics': { GET: async (response) => sendMetrics(response, await sources.metrics()) },
    '/upstreams': { GET: async (response) => sendJson(response, 200, { upstreams: await sources.upstreams() }) },
    '/cache': { GET: async (response) => sendJson(response, 200, await sources.cache()) },
    '/cache/purge': {
      POST: async (response, query) => sendJson(response, 200, { purged: await sources.purge(parsePurge(query)) }),
    },
    // As they stand in the configuration, with its defaults.
    '/routes': {
      GET: (response) => sendJson(response, 200, { routes: routes().routes.map((route) => route.config) }),
    },
    '/limits': {
      GET: async (response) =>
        sendJson(response, 200, {
          countedIn: sources.countedIn(),
          rates: await sources.rates(),
          load: await sources.load(),
          maxBodyBytes: config.inForce.gateway.maxBodyBytes,
        }),
    },
    '/config': { GET: (response) => sendJson(response, 200, config.status()) },
    '/reload': { POST: async (response) => sendJson(response, 200, await config.reload()) },
  };
  return createServer((request, response) => {
    answer(handlers, request, response).catch((error: unknown) => sendProblem(request, response, error));
  });
}

async function answer(handlers: AdminHandlers, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '' } = request;
  const path = pathOf(url);
  const byMethod = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
  if (byMethod === undefined) {
    throw new GrapevineError('NOT_FOUND', `The admin listener serves ${Object.keys(handlers).join(', ')}.`);
  }
  const { method } = request;
  const handler = method === 'POST' ? byMethod.POST : method === 'GET' || method === 'HEAD' ? byMethod.GET : undefined;
  if (handler === undefined) {
    const allowed = byMethod.GET === undefined ? 'POST' : 'GET, HEAD';
    response.setHeader('allow', allowed);
    throw new GrapevineError('METHOD_NOT_ALLOWED', `Found ${method}; expected ${allowed.replace(', ', ' or ')}.`);
  }
  // A page in an operator's browser could post here too: the listener is on the same machine and asks for no login.
  if (method === 'POST' && request.headers.origin !== undefined) {
    throw new GrapevineError('FORBIDDEN', 'The admin listener takes nothing from pages of browsers.');
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
