import type { Config, GatewayConfig } from '@grapevine/shared/config/schema.ts';

/** Options that count only when a process starts: where it listens, for how many, in how many processes, and how it ends. */
const gatewayOptionsAtStart = [
  'host',
  'port',
  'adminHost',
  'adminPort',
  'workers',
  'tls',
  'drainMs',
  'maxConnections',
  'maxConnectionsPerAddress',
] as const satisfies readonly (keyof GatewayConfig)[];

/** Whether a change of the option at `path` waits for the next start. */
export function waitsForStart(path: string): boolean {
  if (!path.startsWith('gateway.') || path.startsWith('gateway.rateLimit.redis')) return true;
  return gatewayOptionsAtStart.some((name) => path === `gateway.${name}` || path.startsWith(`gateway.${name}.`));
}

/** `next` as far as it can be put in force in a process that was started with `started`. */
export function withOptionsAtStart(next: Config, started: Config): Config {
  const kept = Object.fromEntries(gatewayOptionsAtStart.map((name) => [name, started.gateway[name]]));
  // Points that were counted in one place would count for nothing in another.
  const rateLimit = { ...next.gateway.rateLimit, redis: started.gateway.rateLimit.redis };
  return { ...started, gateway: { ...next.gateway, ...kept, rateLimit } };
}

/** What the gateway reads of a configuration; the rest is other services' affair. */
export function gatewayPart({ log, secrets, tracing, bffWeb, gateway }: Config): object {
  return { log, secrets, tracing, bffWeb: { mode: bffWeb.mode }, gateway };
}
