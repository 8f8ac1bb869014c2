import type { IncomingMessage, ServerResponse } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';

/** A registry of one process with Node's own metrics in it; every series carries `service` and `instance`. */
export function createMetrics(service: string, instance: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service, instance });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Answers `GET /metrics` in the Prometheus text format. */
export async function serveMetrics(
  registry: Registry,
  _request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await registry.metrics();
  response.writeHead(200, { 'content-type': registry.contentType });
  response.end(body);
}
