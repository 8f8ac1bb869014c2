import { z } from 'zod';
import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A process dies and is started again after a while. */
export const crash = actKind({
  kind: 'crash',
  weight: 3,
  silences: true,
  shape: { node: nodeIndex, downMs: milliseconds, keepsWrite: z.boolean() },
  draw({ random, node, between }) {
    return {
      node: node(),
      downMs: between(0, random.below(4) === 0 ? 15_000 : 1_500),
      keepsWrite: random.below(2) === 0,
    };
  },
  perform(world, { node, downMs, keepsWrite }) {
    world.withNode(node, (victim) => {
      if (!victim.running) return;
      world.counts.crashes++;
      if (victim.replica?.idle === true && world.clients.waitingAt(victim) > 0) {
        world.situations.reached('crash before the acknowledgement');
      }
      victim.crash(keepsWrite);
      world.faultFor(downMs, () => victim.start());
    });
  },
});
