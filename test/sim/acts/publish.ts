import { z } from 'zod';
import { readers } from '../check/clients.ts';
import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind, type Drawing } from './act-kind.ts';

const count = z.int().min(1).max(256);
const bodyBytes = z
  .int()
  .min(0)
  .max(256 * 1024);
const acks = z.int().min(1).max(64);

/** Short enough that many a publish runs out of time while there are faults. */
function drawTimeoutMs({ random }: Drawing): number {
  return random.below(3) === 0 ? random.below(300) : 5_000;
}

function drawAcks({ random, settings }: Drawing): number {
  return 1 + random.below(Math.min(3, settings.nodes));
}

/** A client publishes a few messages at once. Now and then bodies take many datagrams, so that fragments get lost. */
export const publish = actKind({
  kind: 'publish',
  weight: 12,
  shape: { node: nodeIndex, count, bodyBytes, acks, timeoutMs: milliseconds, reader: z.int().min(0).max(readers) },
  draw(drawing) {
    const { random, node } = drawing;
    const isLarge = random.below(20) === 0;
    return {
      node: node(),
      count: 1 + random.below(4),
      bodyBytes: isLarge ? 5_000 + random.below(40_000) : random.below(600),
      acks: drawAcks(drawing),
      timeoutMs: drawTimeoutMs(drawing),
      reader: random.below(2 * readers) < readers ? random.below(readers) : readers,
    };
  },
  perform: (world, { node, ...wish }) => world.clients.publish(node, wish),
});

/** A client retries with an idempotency key: at one node after the other, or at several at once. */
export const publishWithKey = actKind({
  kind: 'publish-with-key',
  weight: 2,
  shape: {
    nodes: z.array(nodeIndex),
    /** Between two tries. */
    gapMs: milliseconds,
    key: z.string(),
    count: z.int().min(1).max(4),
    bodyBytes,
    acks,
    timeoutMs: milliseconds,
  },
  draw(drawing) {
    const { random, someNodes, between } = drawing;
    return {
      nodes: someNodes().slice(0, 3),
      gapMs: random.below(2) === 0 ? 0 : between(1, 800),
      key: `key-${random.below(0x1_0000_0000).toString(16)}`,
      count: 1 + random.below(2),
      bodyBytes: random.below(300),
      acks: drawAcks(drawing),
      timeoutMs: drawTimeoutMs(drawing),
    };
  },
  perform(world, { nodes, gapMs, ...wish }) {
    nodes.forEach((node, i) => {
      world.schedule(i * gapMs, () => world.clients.publish(node, wish));
    });
  },
});

/** Many small publishes at one node within a moment. */
export const burst = actKind({
  kind: 'burst',
  weight: 0.7,
  shape: { node: nodeIndex, publishes: z.int().min(1).max(1_000), withinMs: milliseconds, count, bodyBytes, acks },
  draw(drawing) {
    const { random, node, between } = drawing;
    return {
      node: node(),
      publishes: 10 + random.below(40),
      withinMs: between(1, 60),
      count: 1 + random.below(2),
      bodyBytes: random.below(120),
      acks: drawAcks(drawing),
    };
  },
  perform(world, { node, publishes, withinMs, ...wish }) {
    for (let i = 0; i < publishes; i++) {
      world.schedule((i * withinMs) / publishes, () => world.clients.publish(node, { ...wish, timeoutMs: 5_000 }));
    }
  },
});
