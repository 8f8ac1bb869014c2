import type { Config } from '@grapevine/shared/config/schema.ts';
import type { TlsFiles } from '@grapevine/shared/http/mutual-tls.ts';
import { CommandError } from '../command-error.ts';

/** A workspace with a `main.ts`. */
export type ServiceName = 'cluster-node' | 'bff-web' | 'bff-mobile' | 'gateway';

export interface PortUse {
  readonly protocol: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  /** For messages, such as `gateway` or `node-2 gossip`. */
  readonly use: string;
}

/** One child process. */
export interface ProcessPlan {
  readonly name: string;
  readonly service: ServiceName;
  /** Configuration that the supervisor decides; it stands above the file and the user's environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly PortUse[];
  /** Base URL of what others call. */
  readonly http: string;
  /** `host:port` of the gossip socket. */
  readonly udp?: string;
  /** URL that answers 200 once the process can do its work. */
  readonly readiness: string;
}

export interface ClusterPlan {
  readonly gateway: string;
  readonly admin: string;
  /** Started in this order and stopped in the reverse: a layer stops before the layer that it calls. */
  readonly stages: readonly (readonly ProcessPlan[])[];
}

export interface PlanOptions {
  readonly nodes: number;
  readonly basePort: number;
  /** Absolute path. */
  readonly dataDir: string;
  readonly config: Config;
}

/** Node processes on one machine: beyond it they only fight for its cores. Node ports of one kind lie 100 apart. */
export const maxNodes = 32;
/** The gateway's port by default; every other port keeps its distance to it. */
export const defaultBasePort = 8_080;

const adminOffset = 1_000;
const webOffset = 1;
const mobileOffset = 2;
const nodeHttpOffset = -980;
const nodeUdpOffset = -880;

/** Base ports that keep all others between 1,024 (below needs privileges) and 65,535. */
const minBasePort = 1_024 - nodeHttpOffset;
const maxBasePort = 65_535 - adminOffset;

/**
 * Which processes make up a local cluster, and where each listens: the gateway at `basePort`, its admin listener 1,000
 * above, the BFFs 1 and 2 above, node i at `basePort` - 980 + i (HTTP) and - 880 + i (UDP).
 */
export function planCluster({ nodes, basePort, dataDir, config }: PlanOptions): ClusterPlan {
  requireBetween('--nodes', nodes, 1, maxNodes);
  requireBetween('--base-port', basePort, minBasePort, maxBasePort);
  const secrets = secretsSettings(dataDir);
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  const nodePlans = numbers.map((number) => planNode(number, numbers, { basePort, dataDir, config, secrets }));
  const seeds = setting(nodePlans.map((node) => node.http));
  const { tls } = config.node;
  const admin = urlOf(config.gateway.adminHost, basePort + adminOffset);
  const web = planBff('bff-web', config.bffWeb.host, basePort + webOffset, {
    ...secrets,
    ...(tls === undefined ? {} : { GRAPEVINE_BFF_WEB__NODE_TLS: setting(config.bffWeb.nodeTls ?? tls) }),
    GRAPEVINE_BFF_WEB__PORT: setting(basePort + webOffset),
    GRAPEVINE_BFF_WEB__SEEDS: seeds,
    GRAPEVINE_BFF_WEB__GATEWAY_METRICS: setting(config.bffWeb.gatewayMetrics ?? `${admin}/metrics`),
  });
  const mobile = planBff('bff-mobile', config.bffMobile.host, basePort + mobileOffset, {
    ...secrets,
    ...(tls === undefined ? {} : { GRAPEVINE_BFF_MOBILE__NODE_TLS: setting(config.bffMobile.nodeTls ?? tls) }),
    GRAPEVINE_BFF_MOBILE__PORT: setting(basePort + mobileOffset),
    GRAPEVINE_BFF_MOBILE__SEEDS: seeds,
  });
  const gateway: ProcessPlan = {
    name: 'gateway',
    service: 'gateway',
    environment: {
      ...secrets,
      GRAPEVINE_GATEWAY__AUTH__JWKS_FILE: setting(`${secretsDir(dataDir)}/jwks.json`),
      GRAPEVINE_GATEWAY__AUTH__API_KEYS_FILE: setting(apiKeysFile(dataDir)),
      GRAPEVINE_GATEWAY__AUTH__REVOCATIONS_FILE: setting(`${secretsDir(dataDir)}/revoked.json`),
      GRAPEVINE_GATEWAY__PORT: setting(basePort),
      // All services share this machine's cores; more workers would take them from the nodes.
      GRAPEVINE_GATEWAY__WORKERS: setting(config.gateway.workers === 'auto' ? 1 : config.gateway.workers),
      GRAPEVINE_GATEWAY__ADMIN_PORT: setting(basePort + adminOffset),
      GRAPEVINE_GATEWAY__UPSTREAMS__WEB: setting([web.http]),
      GRAPEVINE_GATEWAY__UPSTREAMS__MOBILE: setting([mobile.http]),
    },
    ports: [
      { protocol: 'tcp', host: config.gateway.host, port: basePort, use: 'gateway' },
      { protocol: 'tcp', host: config.gateway.adminHost, port: basePort + adminOffset, use: 'gateway admin' },
    ],
    http: urlOf(config.gateway.host, basePort, config.gateway.tls === undefined ? 'http' : 'https'),
    readiness: `${admin}/readyz`,
  };
  return { gateway: gateway.http, admin, stages: [nodePlans, [web, mobile], [gateway]] };
}

export function secretsDir(dataDir: string): string {
  return `${dataDir}/secrets`;
}

export function apiKeysFile(dataDir: string): string {
  return `${secretsDir(dataDir)}/api-keys.json`;
}

interface NodeContext {
  readonly basePort: number;
  readonly dataDir: string;
  readonly config: Config;
  readonly secrets: Readonly<Record<string, string>>;
}

function planNode(number: number, numbers: readonly number[], context: NodeContext): ProcessPlan {
  const { basePort, dataDir, config, secrets } = context;
  const name = `node-${number}`;
  const host = config.node.advertiseHost ?? reachable(config.node.host);
  const gossipAt = (other: number) => `${bracketed(host)}:${basePort + nodeUdpOffset + other}`;
  const httpPort = basePort + nodeHttpOffset + number;
  const udpPort = basePort + nodeUdpOffset + number;
  const http = urlOf(host, httpPort, config.node.tls === undefined ? 'http' : 'https');
  return {
    name,
    service: 'cluster-node',
    environment: {
      ...secrets,
      GRAPEVINE_NODE__NAME: setting(name),
      GRAPEVINE_NODE__HTTP_PORT: setting(httpPort),
      GRAPEVINE_NODE__UDP_PORT: setting(udpPort),
      GRAPEVINE_NODE__DATA_DIR: setting(`${dataDir}/${name}`),
      GRAPEVINE_NODE__SEEDS: setting(numbers.filter((other) => other !== number).map(gossipAt)),
    },
    ports: [
      { protocol: 'tcp', host: config.node.host, port: httpPort, use: name },
      { protocol: 'udp', host: config.node.host, port: udpPort, use: `${name} gossip` },
    ],
    http,
    udp: gossipAt(number),
    readiness: `${http}/readyz`,
  };
}

function planBff(
  name: 'bff-web' | 'bff-mobile',
  host: string,
  port: number,
  environment: Readonly<Record<string, string>>,
): ProcessPlan {
  const http = urlOf(host, port);
  const ports = [{ protocol: 'tcp', host, port, use: name }] as const;
  return { name, service: name, environment, ports, http, readiness: `${http}/readyz` };
}

function secretsSettings(dataDir: string): Record<string, string> {
  return {
    GRAPEVINE_SECRETS__CLUSTER_KEY_FILE: setting(`${secretsDir(dataDir)}/cluster.key`),
    GRAPEVINE_SECRETS__EDGE_KEY_FILE: setting(`${secretsDir(dataDir)}/edge.key`),
  };
}

/** Environment values are read as YAML; JSON is the part of YAML in which no text is mistaken for something else. */
function setting(value: string | number | readonly string[] | TlsFiles): string {
  return JSON.stringify(value);
}

function urlOf(host: string, port: number, scheme = 'http'): string {
  return `${scheme}://${bracketed(reachable(host))}:${port}`;
}

/** Where this machine reaches a service that listens on `host`. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function requireBetween(flag: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new CommandError(`${flag} is ${value}; expected a whole number from ${min} to ${max}.`);
  }
}
