import { systemClock } from '@grapevine/shared/clock.ts';
import type { Config, NodeConfig } from '@grapevine/shared/config/schema.ts';
import { MutualTls, type PeerFetch } from '@grapevine/shared/http/mutual-tls.ts';
import { IdentitySigner, IdentityVerifier } from '@grapevine/shared/identity/identity.ts';
import { KeyFile } from '@grapevine/shared/identity/key-file.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { PeerRegistry } from '@grapevine/shared/registry/peer-registry.ts';
import type { StartedService } from '@grapevine/shared/run-service.ts';
import { openTracing } from '@grapevine/shared/tracing/open-tracing.ts';
import type { Logger } from 'pino';
import { timeArrivals } from './arrival-times.ts';
import { AheadVerifier } from './catch-up/ahead-verifier.ts';
import type { SegmentSource } from './catch-up/segment-stream.ts';
import type { ReplicaOptions } from './core/replica.ts';
import { Mender } from './damage/mender.ts';
import { Repairs } from './damage/repairs.ts';
import { Scrubber } from './damage/scrubber.ts';
import { type AdoptParts, AdoptRun } from './forks/adopt-run.ts';
import { ForkWatch } from './forks/fork-watch.ts';
import { setAsideFolder } from './forks/set-aside.ts';
import { type PeerAccess, PeerClient } from './http/peer-client.ts';
import { peerSegments } from './http/peer-segments.ts';
import { requireMember } from './http/require-member.ts';
import { startNodeHttp } from './http/server.ts';
import { httpUrl } from './membership-report.ts';
import { ClusterNode } from './node.ts';
import { observeNode } from './node-metrics.ts';
import { openRegistry } from './registry/open-registry.ts';
import { Retention } from './retention/retention.ts';
import { observeRetention } from './retention/retention-metrics.ts';
import { RetentionRules } from './retention/rules.ts';
import { nodeHeadVerifier, signerFromKey } from './store/ed25519.ts';
import { fastTreeHash } from './store/fast-tree-hash.ts';
import { claimFolder } from './store/folder-owner.ts';
import { openNodeStore } from './store/node-store.ts';
import { readOrCreateOriginKey, retireOriginKey } from './store/origin-key.ts';
import { StoreHealth } from './store-health.ts';
import { claimBootEpoch, raiseBootEpoch } from './transport/boot-epoch.ts';
import { SealedTransport } from './transport/sealed-transport.ts';
import { type SealingOptions, sealWithKeys } from './transport/sealing-keys.ts';
import { openUdpTransport } from './transport/udp-transport.ts';
import { usualDatagramBytes } from './transport/usual-datagram-bytes.ts';
import type { DatagramOpener, DatagramSealer } from './wire/datagram.ts';
import { PlainOpener, PlainSealer } from './wire/plain.ts';
import { spokenVersions } from './wire/version.ts';

/** Requests in flight may take this long after a signal, in milliseconds: less than the whole stop may. */
const drainMs = 4_000;
/** For comparing all logs with a peer's, in milliseconds. One that takes longer is compared another time. */
const comparisonMs = 30_000;

/** Starts one node. Throws what `openNodeStore` and `claimFolder` do, `CONFIG_INVALID` or `PORT_TAKEN`; what had been opened is closed then. */
export async function startNodeService(config: Config, log: Logger): Promise<StartedService> {
  const settings = config.node;
  await using opened = new AsyncDisposableStack();
  const metrics = createMetrics('cluster-node', settings.name);
  const tracing = await openTracing(config.tracing, { name: settings.name, instance: settings.name }, log);
  opened.defer(() => tracing?.stop());
  const disk = new StoreHealth(metrics, log);
  const store = await openNodeStore(settings.dataDir, disk);
  opened.defer(() => store.close());
  claimFolder(settings.dataDir, settings.name);
  if (store.recovered.length > 0) log.error({ origins: store.recovered }, 'computed damaged trees or heads anew');
  const signer = signerFromKey(readOrCreateOriginKey(settings.dataDir));
  const bootEpoch = claimBootEpoch(settings.dataDir, systemClock);
  const { host, udpPort: port } = settings;
  const { clusterKeyFile: path, rotateAfterMs } = config.secrets;
  const keys = await KeyFile.open({ path, rotateAfterMs, clock: systemClock, log });
  opened.defer(() => keys.stop());
  const identityKeys = keys.identityKeys('node-identity');
  const registry = await openRegistry(settings, log);
  opened.defer(() => registry.stop());
  const socket = await openUdpTransport({ name: `${settings.name} gossip`, host, port, portFlag: '--base-port' });
  opened.defer(() => socket.close());
  const transport = new SealedTransport({
    transport: socket,
    ...(await protection(settings.gossip.insecure, { keys, origin: signer.origin, bootEpoch, log })),
    maxDatagramBytes: largestDatagram(settings),
  });
  const tls = settings.tls === undefined ? undefined : await MutualTls.open({ files: settings.tls, log });
  opened.defer(() => tls?.stop());
  const access: PeerAccess = {
    signer: new IdentitySigner(identityKeys, 'node', systemClock),
    subject: `node:${settings.name}`,
    fetch: settings.gossip.insecure ? callNobody : (tls?.fetch ?? fetch),
  };
  const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };
  const source = peerSegments({
    peers: () => node.members().filter(({ name }) => name !== node.name),
    access,
    random: systemRandom,
  });
  const mender = new Mender({
    store: store.log,
    checks,
    source,
    clock: systemClock,
    log,
  });
  const scrubber = new Scrubber({
    store: store.log,
    checks,
    mender,
    options: settings.scrub,
    clock: systemClock,
    log,
    isBusy: () => !node.replica.idle,
  });
  const repairs = new Repairs({
    node: settings.name,
    store: store.log,
    checks,
    mender,
    forks: () => forks.list(),
    adopt: (request, stop) => new AdoptRun(adoption, request, stop),
    log,
  });
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  let isRetired = false;
  // Everything that this process has in memory stands for its origin: a new start is the simplest way to another one.
  const moveToNewOrigin = (reason: string): void => {
    if (isRetired) return;
    isRetired = true;
    node.retire(reason);
    retireOriginKey(settings.dataDir, signer.origin);
    log.error({ origin: signer.origin, reason }, 'retired this origin for good; starting again with a new one');
    end(`moving to a new origin: ${reason}`);
  };
  const forks = new ForkWatch({
    service: () => node,
    store: store.log,
    checks,
    historyOf: (peer) => new PeerClient(peer, access, AbortSignal.timeout(comparisonMs)),
    intervalMs: settings.scrub.compareMs,
    random: systemRandom,
    clock: systemClock,
    log,
    onFork: (fork) => {
      if (fork.origin === signer.origin && fork.endedMs === null)
        moveToNewOrigin(`its log forked at entry ${fork.seq}`);
    },
  });
  const adoption: AdoptParts = {
    store: store.log,
    checks,
    source,
    compareWith: async (peer) => forks.compareWith(requireMember(node, peer)),
    overcome: (origin, seq) => forks.overcome(origin, seq),
    holder: {
      hold: (origin) => {
        node.holdLog(origin);
        scrubber.logReplaced(origin);
      },
      release: (origin) => {
        node.takeUpLog(origin);
        scrubber.logReplaced(origin);
      },
    },
    folder: setAsideFolder(settings.dataDir),
    ownOrigin: signer.origin,
    clock: systemClock,
    log,
  };
  const node = new ClusterNode({
    options: replicaOptions(settings, signer.origin, bootEpoch, registry),
    ports: { hash: fastTreeHash, signer, random: systemRandom },
    verifier: new AheadVerifier(),
    segments: segmentsOfPeers(access),
    store: store.log,
    views: store.views,
    scrubber,
    repairs,
    forks,
    disk,
    transport,
    clock: systemClock,
    log,
    raiseBootEpoch: (epoch) => raiseBootEpoch(settings.dataDir, epoch),
    maxBodyBytes: settings.maxBodyBytes,
    onCommitted: timeArrivals(metrics, systemClock, signer.origin),
  });
  opened.defer(() => node.stop());
  scrubber.start();
  opened.defer(() => scrubber.stop());
  opened.defer(() => repairs.stop());
  forks.start();
  opened.defer(() => forks.stop());
  registry.onChange((seeds) => node.useSeeds(seeds));
  const retention = new Retention({
    rules: new RetentionRules(settings.retention),
    store: store.log,
    hash: fastTreeHash,
    clock: systemClock,
    log,
    onDamage: (damage) => scrubber.suspect(damage),
  });
  retention.start();
  opened.defer(() => retention.stop());
  observeNode(metrics, node, scrubber.counts, forks.counts, transport.counts, socket.counts);
  observeRetention(metrics, retention);
  const http = await startNodeHttp(
    {
      service: node,
      verifier: new IdentityVerifier(identityKeys, 'node', systemClock),
      access,
      tls,
      headVerifier: nodeHeadVerifier,
      treeHash: fastTreeHash,
      metrics,
      log,
      clock: systemClock,
      maxBodyBytes: settings.maxBodyBytes,
      tracing,
    },
    { name: `${settings.name} HTTP`, host, port: settings.httpPort, portFlag: '--base-port', drainMs },
  );
  opened.defer(() => http.stop());
  const running = opened.move();
  return {
    parts: [{ name: settings.name, stop: () => running.disposeAsync() }],
    ports: { http: http.port, udp: socket.address.port },
    reload: async () => {
      await Promise.all([keys.reload(), tls?.reload()]);
    },
    ended,
  };
}

/** Without seals anybody can name an address as a member's, and would be sent a header that vouches for this node. */
const callNobody: PeerFetch = async () => {
  throw new Error('nodes do not call each other in insecure mode');
};

/** Streams a peer's segments from its HTTP API. */
function segmentsOfPeers(access: PeerAccess): SegmentSource {
  return (peer, request, signal) => {
    const address = { name: peer.name, http: httpUrl(peer) };
    return new PeerClient(address, access, signal).segments(request);
  };
}

async function protection(
  insecure: boolean,
  sealing: SealingOptions,
): Promise<{ sealer: DatagramSealer; opener: DatagramOpener }> {
  const { origin } = sealing;
  return insecure ? { sealer: new PlainSealer(origin), opener: new PlainOpener(origin) } : sealWithKeys(sealing);
}

function largestDatagram({ host, gossip }: NodeConfig): number {
  return gossip.maxDatagramBytes ?? usualDatagramBytes(host);
}

function replicaOptions(
  settings: NodeConfig,
  origin: string,
  bootEpoch: number,
  registry: PeerRegistry,
): ReplicaOptions {
  const host = settings.advertiseHost ?? settings.host;
  const { intervalMs, fanout, suspectAfterMs, deadAfterMs, forgetAfterMs, catchUpBytes } = settings.gossip;
  return {
    self: {
      name: settings.name,
      origin,
      bootEpoch,
      incarnation: 0,
      heartbeat: 0,
      state: 'alive',
      versions: spokenVersions,
      udp: { host, port: settings.udpPort },
      http: { host, port: settings.httpPort },
      tls: settings.tls !== undefined,
      catchingUp: false,
    },
    seeds: registry.peers(),
    expectsPeers: settings.registry.kind !== 'static',
    intervalMs,
    fanout,
    maxDatagramBytes: largestDatagram(settings),
    seedsOnly: settings.gossip.insecure,
    suspectAfterMs,
    deadAfterMs,
    forgetAfterMs,
    queueBytes: settings.queueBytes,
    catchUpBytes,
    smallestRetentionMs: new RetentionRules(settings.retention).smallestAgeMs,
  };
}
