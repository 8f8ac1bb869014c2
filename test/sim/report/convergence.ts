import type { ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import { usualSettings } from '../plan/plan.ts';
import type { SimNode } from '../sim-node.ts';
import { portOf } from '../sim-process.ts';
import { World } from '../world.ts';

/** What it took until all nodes had all of something. */
export interface Spread {
  /** Intervals of gossip. */
  readonly rounds: number;
  /** Bytes of datagrams per node, sent by anybody for whatever reason meanwhile. */
  readonly bytesPerNode: number;
}

/** How a cluster of one size comes to agree, on a network that loses nothing. */
export interface Convergence {
  readonly nodes: number;
  /** From the start of all nodes at once, each with three seeds, until everybody knows everybody. */
  readonly members: Spread;
  /** From one publish at one node until all nodes hold it. */
  readonly oneMessage: Spread;
  /** From one publish at each node until all roots are equal. */
  readonly oneFromEach: Spread;
}

/** Sizes from 8 up to `most`, each about twice the one before. */
export function clusterSizes(most: number): number[] {
  const sizes = [8, 16, 32, 64, 125, 250, 500, 1_000].filter((size) => size < most);
  return [...sizes, most];
}

export const bodyBytes = 256;
/** How often it is looked whether all is done, in simulated milliseconds; when the last thing happened is known exactly. */
const lookMs = 40;
/** What has not spread in so many rounds never will. */
const mostRounds = 3_000;

/** The same on every machine. */
export async function measureConvergence(nodes: number): Promise<Convergence> {
  const world = new UnwatchedWorld({
    ...usualSettings,
    seed: nodes,
    nodes,
    disk: 'light',
    catchUpBytes: 4 * 1024 * 1024,
  });
  for (const node of world.nodes) node.start();
  const members = await spread(world, () => world.checker.membersAgree());
  // A node that has just started first hears what its peers know of its log.
  await spread(world, () => world.nodes.every(({ replica }) => replica?.mayWrite === true));
  const [first] = world.nodes;
  if (first !== undefined) publish(first);
  const oneMessage = await spread(world, () => world.nodes.every((node) => messagesAt(node) === 1));
  for (const node of world.nodes) publish(node);
  const oneFromEach = await spread(world, () => world.nodes.every((node) => messagesAt(node) === nodes + 1));
  return { nodes, members, oneMessage, oneFromEach };
}

/** A thousand nodes are slow enough without somebody who follows all that they do. */
class UnwatchedWorld extends World {
  /** When somebody last flushed something, or met a member; in simulated milliseconds. */
  lastNewsMs = 0;

  override observe(_node: SimNode, { type }: ReplicaEffect): void {
    if (type === 'notice') this.lastNewsMs = this.nowMs();
  }

  override flushed(): void {
    this.lastNewsMs = this.nowMs();
  }

  override send(from: SimNode, toPort: number, bytes: Uint8Array): void {
    const to = this.node(toPort);
    this.network.send(from.index, to.index, bytes, (arrived) => to.receive(arrived, portOf(from)));
  }
}

async function spread(world: UnwatchedWorld, isDone: () => boolean): Promise<Spread> {
  const { intervalMs, nodes } = world.settings;
  const startMs = world.nowMs();
  const startBytes = world.network.counts.bytes;
  for (let atMs = startMs; atMs <= startMs + mostRounds * intervalMs; atMs += lookMs) {
    while (await world.step(atMs));
    if (!isDone()) continue;
    return {
      rounds: Math.max(0, world.lastNewsMs - startMs) / intervalMs,
      bytesPerNode: Math.round((world.network.counts.bytes - startBytes) / nodes),
    };
  }
  throw new Error(`${nodes} nodes did not agree within ${mostRounds} rounds.`);
}

function publish(node: SimNode): void {
  const body = new Uint8Array(bodyBytes);
  const draft = { topic: 'report', author: 'report', contentType: 'text/plain', headers: {}, body };
  node.process?.submit([{ ticket: 0, drafts: [draft], acks: 1, timeoutMs: 0 }]);
}

function messagesAt({ replica }: SimNode): number {
  let sum = 0;
  for (const size of replica?.flushed.vector.values() ?? []) sum += size;
  return sum;
}
