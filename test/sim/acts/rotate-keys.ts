import { milliseconds } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/**
 * The cluster's key is changed as the protocol's page says: added to every node's key file, then made the first line
 * everywhere, then the old one removed, restarting node by node after each step.
 */
export const rotateKeys = actKind({
  kind: 'rotate-keys',
  weight: 0.3,
  silences: true,
  shape: { gapMs: milliseconds },
  draw: ({ settings, between }) => (settings.sealed ? { gapMs: between(0, 400) } : undefined),
  perform(world, { gapMs }) {
    const old = world.sealingKey;
    const fresh = old + 1;
    world.sealingKey = fresh;
    const steps = [[old, fresh], [fresh, old], [fresh]];
    world.situations.reached('keys rotated');
    steps.forEach((keyFile, step) => {
      world.nodes.forEach((node, i) => {
        world.unlessHealed((step * world.nodes.length + i) * gapMs, () => {
          if (!node.running) world.situations.reached('key changed while a node was down');
          node.keyFile = keyFile;
          node.crash(false);
          world.faultFor(0, () => node.start());
        });
      });
    });
  },
});
