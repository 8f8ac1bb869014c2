import { decodeMessage, encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import { pullResponseBytes } from '@grapevine/cluster-node/wire/limits.ts';
import type { PullResponse } from '@grapevine/cluster-node/wire/messages.ts';
import { Opener } from '@grapevine/cluster-node/wire/seal.ts';
import { clusterKeys } from '../sim/cluster-keys.ts';
import { usualSettings } from '../sim/plan/plan.ts';
import type { SimNode } from '../sim/sim-node.ts';
import { World } from '../sim/world.ts';
import type { Benchmark } from './harness.ts';

/** What both have. The cost does not depend on it: a vector says as little of a million entries. */
const sharedMessages = 20_000;
const differences = 1_000;
const bodyBytes = 256;
/** As negentropy publishes it: ranges and ids both ways, for sets of 1,000,000, without the events themselves. */
export const negentropyBytes = 35_000;
const negentropy = 'negentropy, as published';

/** Two nodes were cut off from each other for a while; each took half of the messages that the other one lacks then. */
export const reconcile: Benchmark = {
  name: 'reconcile',
  title: `bytes both ways to find ${differences.toLocaleString('en-US')} recent differences, besides the segments themselves`,
  figures: [{ unit: 'B', better: 'lower', targets: [{ against: negentropy, must: 20 }] }],
  // What it takes depends on what was under way when the partition ended: each round is another seed.
  rounds: 5,
  prepare: async () => {
    let seed = 0;
    return {
      contenders: [
        { name: 'grapevine, simulated', run: async () => [(await reconcileSimulated(++seed)).finding] },
        { name: negentropy, run: async () => [negentropyBytes] },
      ],
    };
  },
};

export interface Traffic {
  /** Bytes of datagrams that say who has what: whole ones without segments, and what others say beside theirs. */
  finding: number;
  /** Bytes of the other datagrams: segments, and what they are wrapped in. */
  moving: number;
}

/** What it takes from the end of the partition until both hold the same. The same on every machine. */
export async function reconcileSimulated(seed: number): Promise<Traffic> {
  const world = new ObservedWorld(seed);
  const [a, b] = world.pair;
  a.start();
  b.start();
  await world.until(() => a.replica?.mayWrite === true && b.replica?.mayWrite === true);
  publish(a, sharedMessages);
  await world.until(() => sizeOf(a) === sharedMessages && isEqual(a, b));
  world.network.worsen({ from: new Set([0]), to: new Set([1]), loss: 1 });
  world.network.worsen({ from: new Set([1]), to: new Set([0]), loss: 1 });
  publish(a, differences / 2);
  publish(b, differences / 2);
  await world.until(() => sizeOf(a) + sizeOf(b) === 2 * sharedMessages + differences);
  const before = { ...world.traffic };
  world.network.heal();
  await world.until(() => isEqual(a, b));
  return { finding: world.traffic.finding - before.finding, moving: world.traffic.moving - before.moving };
}

/** A simulated cluster of two that knows what its datagrams are about. */
class ObservedWorld extends World {
  readonly traffic: Traffic = { finding: 0, moving: 0 };
  readonly #opener = new Opener(clusterKeys([0]), 'of nobody');

  constructor(seed: number) {
    super({
      ...usualSettings,
      seed,
      nodes: 2,
      sealed: true,
      disk: 'light',
      catchUpBytes: 4 * 1024 * 1024,
      queueBytes: 64 * 1024 * 1024,
    });
  }

  get pair(): [SimNode, SimNode] {
    const [a, b] = this.nodes;
    if (a === undefined || b === undefined) throw new Error('Expected two nodes.');
    return [a, b];
  }

  override send(from: SimNode, toPort: number, bytes: Uint8Array): void {
    const opened = this.#opener.open(bytes);
    if (typeof opened === 'string') throw new Error(`A datagram could not be opened: ${opened}.`);
    const message = decodeMessage(opened.plaintext);
    const about = message.type === 'pull-response' && message.pieces.length > 0 ? newsBytes(message) : bytes.length;
    this.traffic.finding += about;
    this.traffic.moving += bytes.length - about;
    super.send(from, toPort, bytes);
  }

  async until(condition: () => boolean): Promise<void> {
    const deadlineMs = this.nowMs() + 60_000;
    while (!condition()) if (!(await this.step(deadlineMs))) throw new Error('This never came to be.');
  }
}

/** Bytes of an answer that would not be there if it brought segments alone. */
function newsBytes(response: PullResponse): number {
  return encodeMessage({ ...response, pieces: [] }).length - pullResponseBytes;
}

function publish(node: SimNode, count: number): void {
  const draft = {
    topic: 'bench',
    author: 'bench',
    contentType: 'text/plain',
    headers: {},
    body: new Uint8Array(bodyBytes),
  };
  node.process?.submit([{ ticket: 0, drafts: Array.from({ length: count }, () => draft), acks: 1, timeoutMs: 5_000 }]);
}

function sizeOf(node: SimNode): number {
  return [...(node.replica?.flushed.vector.values() ?? [])].reduce((sum, size) => sum + size, 0);
}

function isEqual(a: SimNode, b: SimNode): boolean {
  const [one, other] = [a, b].map(({ replica }) => replica?.flushed.root().toHex());
  return one !== undefined && one === other;
}
