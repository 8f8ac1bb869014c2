import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { serveMetrics } from '@grapevine/shared/metrics.ts';
import { Router } from 'express';
import type { Registry } from 'prom-client';
import type { NodeService } from '../node-service.ts';
import { resource, sendJson } from './routing.ts';

/** What supervisors and monitoring ask, without an identity: is it alive, is it ready, what does it do. */
export function healthRoutes(service: NodeService, metrics: Registry): Router {
  const router = Router();
  resource(router, '/healthz', { get: [(_request, response) => sendJson(response, 200, { status: 'ok' })] });
  resource(router, '/readyz', {
    get: [
      (_request, response) => {
        const reason = service.unready();
        if (reason !== undefined) {
          throw new GrapevineError('UNAVAILABLE', `Node ${service.name} is not ready: ${reason}`, {
            retryAfterSeconds: 1,
          });
        }
        sendJson(response, 200, { status: 'ready' });
      },
    ],
  });
  resource(router, '/metrics', { get: [(request, response) => serveMetrics(metrics, request, response)] });
  return router;
}
