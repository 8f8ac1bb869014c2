import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { serveMetrics } from '@grapevine/shared/metrics.ts';
import type { Express } from 'express';
import type { Registry } from 'prom-client';

/** `/healthz` (the process runs), `/readyz` (a node answers it) and `/metrics`; open, since the service listens on loopback. */
export function serveHealth(app: Express, client: ClusterClient, registry: Registry): void {
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', async (_request, response) => {
    if (!(await client.reachable())) {
      throw new GrapevineError('UNAVAILABLE', 'No node of the cluster answers.', { retryAfterSeconds: 1 });
    }
    response.json({ status: 'ok' });
  });
  app.get('/metrics', (request, response) => serveMetrics(registry, request, response));
}
