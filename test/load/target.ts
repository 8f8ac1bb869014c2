import { systemRandom } from '@grapevine/shared/random.ts';
import { readClusterFile } from '../../cli/src/cluster-file.ts';
import { ProxyNetwork } from '../e2e/chaos/proxy-network.ts';
import { type Cluster, startCluster, stopCluster } from '../e2e/cluster.ts';
import { freeBasePort } from '../fixtures/free-base-port.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import type { Tokens } from './workload.ts';

/** The cluster that gets the load. */
export interface Target {
  /** The gateway, without a slash at the end. */
  readonly url: string;
  readonly tokens: Tokens & { readonly operator: string };
  /** For the report. */
  readonly description: string;
}

/** A cluster of this run's own, which it may break. */
export interface OwnTarget extends Target, AsyncDisposable {
  readonly cluster: Cluster;
  readonly network: ProxyNetwork | undefined;
}

const nodeCount = 3;
/** Ours to load as we like: the rates that protect a cluster from its clients would be what is measured. */
const withoutRateLimits = {
  GRAPEVINE_GATEWAY__RATE_LIMIT__PRINCIPAL: '{ perSecond: 1000000, burst: 1000000 }',
  GRAPEVINE_GATEWAY__RATE_LIMIT__ADDRESS: '{ perSecond: 1000000, burst: 1000000 }',
};
/** By this host the nodes know each other when a proxy stands between them. (127.0.0.0/8 is all loopback on Linux.) */
const proxyHost = '127.0.1.1';

/** The cluster that was started from `dataDir`; undefined when there is none, or it was stopped. */
export async function runningTarget(dataDir: string): Promise<Target | undefined> {
  const file = await readClusterFile(dataDir);
  if (file === undefined) return undefined;
  const { gateway, tokens } = file;
  return { url: gateway, tokens, description: `the running cluster at ${gateway}` };
}

/** Starts a cluster in a temporary folder. With `dropsDatagrams` the nodes talk through a proxy. */
export async function startOwnTarget(dropsDatagrams: boolean): Promise<OwnTarget> {
  await using starting = new AsyncDisposableStack();
  const { path: dataDir } = starting.use(await temporaryFolder());
  const basePort = await freeBasePort(nodeCount);
  const network = dropsDatagrams ? starting.use(await openNetwork(basePort)) : undefined;
  const environment = {
    ...withoutRateLimits,
    ...(network === undefined ? {} : { GRAPEVINE_NODE__ADVERTISE_HOST: proxyHost }),
  };
  const cluster = starting.adopt(await startCluster({ dataDir, nodes: nodeCount, basePort, environment }), stopCluster);
  const resources = starting.move();
  return {
    url: cluster.gateway,
    tokens: cluster.tokens,
    description: `${nodeCount} nodes, both BFFs and the gateway on this machine`,
    cluster,
    network,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Ports as `planCluster` lays them out. */
function openNetwork(basePort: number): Promise<ProxyNetwork> {
  return ProxyNetwork.open({
    nodes: nodeCount,
    udpPort: (number) => basePort - 880 + number,
    httpPort: (number) => basePort - 980 + number,
    hostOf: () => proxyHost,
    random: systemRandom,
  });
}
