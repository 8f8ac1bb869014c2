import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { GatewayConfig } from '@grapevine/shared/config/schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type ListeningServer, listen } from '@grapevine/shared/http/listen.ts';
import { sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { Registry } from 'prom-client';
import type { RateStatus } from './limits/rate-limiter.ts';
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

type AdminHandler = (response: ServerResponse) => void | Promise<void>;

/** What operators and probes read; changes nothing. It has no login of its own: keep it on loopback. */
function createAdminServer(sources: AdminSources): Server {
  const { routes, config } = sources;
  const handlers: ReadonlyMap<string, AdminHandler> = new Map<string, AdminHandler>([
    ['/healthz', (response) => sendJson(response, 200, { status: 'ok' })],
    ['/readyz', (response) => sendReadiness(response, sources.readiness())],
    ['/metrics', async (response) => sendMetrics(response, await sources.metrics())],
    ['/upstreams', async (response) => sendJson(response, 200, { upstreams: await sources.upstreams() })],
    // As they stand in the configuration, with its defaults.
    ['/routes', (response) => sendJson(response, 200, { routes: routes.routes.map((route) => route.config) })],
    [
      '/limits',
      async (response) => sendJson(response, 200, { rates: await sources.rates(), maxBodyBytes: config.maxBodyBytes }),
    ],
  ]);
  return createServer((request, response) => {
    answer(handlers, request, response).catch((error: unknown) => sendProblem(request, response, error));
  });
}

async function answer(
  handlers: ReadonlyMap<string, AdminHandler>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const handler = handlers.get(pathOf(request.url ?? ''));
  if (handler === undefined) {
    throw new GrapevineError('NOT_FOUND', `The admin listener serves ${[...handlers.keys()].join(', ')}.`);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    throw new GrapevineError('METHOD_NOT_ALLOWED', `Found ${request.method}; expected GET or HEAD.`);
  }
  await handler(response);
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
