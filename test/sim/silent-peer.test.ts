import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NodeMessage, OriginSize } from '@grapevine/cluster-node/wire/messages.ts';
import { usualSettings } from './plan/plan.ts';
import type { SimNode } from './sim-node.ts';
import { World } from './world.ts';

const publishes = 200;
const publishEveryMs = 50;
/** Between two looks at who has what. */
const lookMs = 5;

/** As many as fill a catch-up stream, if anybody believed it. */
const promised = 1_000_000;

it('a peer that promises everything and gives nothing hardly holds up the others', async () => {
  const honest = await slowestSpreadMs(false);
  const withLiar = await slowestSpreadMs(true);
  // Of simulated time. Until somebody else has a message, a node may have asked the liar for it once.
  assert.ok(withLiar <= honest + 100, `a message took ${withLiar} ms to get around, ${honest} ms without the liar`);
});

/** The longest that one of many messages took to be everywhere, the third node aside, which gives nothing if `isSilent`. */
async function slowestSpreadMs(isSilent: boolean): Promise<number> {
  const world = new PeacefulWorld({
    ...usualSettings,
    seed: 1,
    nodes: 5,
    disk: 'light',
    catchUpBytes: 4 * 1024 * 1024,
  });
  for (const node of world.nodes) node.start();
  const [writer, , silent] = world.nodes;
  assert.ok(writer !== undefined && silent !== undefined);
  await runUntil(world, 2_000);
  if (isSilent) silent.alter = promising;
  const readers = world.nodes.filter((node) => node !== silent);
  let slowestMs = 0;
  for (let size = 1; size <= publishes; size++) {
    const startMs = world.nowMs();
    publish(writer);
    const isEverywhere = (): boolean => readers.every((node) => sizeAt(node, writer) >= size);
    while (!isEverywhere() && world.nowMs() < startMs + 10_000) await runUntil(world, world.nowMs() + lookMs);
    slowestMs = Math.max(slowestMs, world.nowMs() - startMs);
    await runUntil(world, startMs + publishEveryMs);
  }
  return slowestMs;
}

/** Nobody objects to what the liar says. */
class PeacefulWorld extends World {
  override observe(): void {}
}

async function runUntil(world: World, untilMs: number): Promise<void> {
  while (await world.step(untilMs));
}

function publish(node: SimNode): void {
  const draft = { topic: 'news', author: 'ann', contentType: 'text/plain', headers: {}, body: new Uint8Array(5_000) };
  node.process?.submit([{ ticket: 1, drafts: [draft], acks: 1, timeoutMs: 0 }]);
}

function sizeAt({ replica }: SimNode, { signer }: SimNode): number {
  return replica?.flushed.size(signer.origin) ?? 0;
}

/** Has more of everything, and each answer lacks its datagrams but the first, which is empty. */
function promising(message: NodeMessage): NodeMessage {
  if (message.type === 'nudge') return { ...message, heads: larger(message.heads) };
  if (message.type === 'pull-request') return { ...message, vector: larger(message.vector) };
  if (message.type !== 'pull-response') return message;
  return { ...message, pieces: [], count: message.count + 1, more: true, vector: larger(message.vector) };
}

function larger(sizes: readonly OriginSize[]): OriginSize[] {
  return sizes.map(({ origin, size }) => ({ origin, size: size + promised }));
}
