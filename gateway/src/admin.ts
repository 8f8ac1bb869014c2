import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { serveMetrics } from '@grapevine/shared/metrics.ts';
import type { Registry } from 'prom-client';
import type { KeyedRateLimiter } from './limits/rate-limiter.ts';
import { pathOf } from './routes/request-target.ts';
import type { Route } from './routes/route.ts';
import type { RouteTable } from './routes/route-table.ts';
import type { UpstreamPool } from './upstreams/upstream-pool.ts';

export interface AdminSources {
  readonly metrics: Registry;
  readonly upstreams: UpstreamPool;
  readonly routes: RouteTable;
  readonly limiters: readonly KeyedRateLimiter[];
  readonly maxBodyBytes: number;
  readonly isDraining: () => boolean;
}

type AdminHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** What operators and probes read; changes nothing. It has no login of its own: keep it on loopback. */
export function createAdminServer(sources: AdminSources): Server {
  const handlers: ReadonlyMap<string, AdminHandler> = new Map<string, AdminHandler>([
    ['/healthz', (_request, response) => sendJson(response, 200, { status: 'ok' })],
    ['/readyz', (_request, response) => sendReadiness(response, sources.isDraining())],
    ['/metrics', (request, response) => serveMetrics(sources.metrics, request, response)],
    ['/upstreams', (_request, response) => sendJson(response, 200, { upstreams: sources.upstreams.status() })],
    ['/routes', (_request, response) => sendJson(response, 200, { routes: sources.routes.routes.map(describeRoute) })],
    ['/limits', (_request, response) => sendJson(response, 200, describeLimits(sources))],
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
  await handler(request, response);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}

function sendReadiness(response: ServerResponse, draining: boolean): void {
  if (draining) sendJson(response, 503, { status: 'draining' });
  else sendJson(response, 200, { status: 'ready' });
}

/** As it stands in the configuration, with its defaults. */
function describeRoute({ config }: Route): unknown {
  return config;
}

function describeLimits(sources: AdminSources): unknown {
  const rates = sources.limiters.map(({ name, rate, tracked }) => ({ per: name, ...rate, tracked }));
  return { rates, maxBodyBytes: sources.maxBodyBytes };
}
