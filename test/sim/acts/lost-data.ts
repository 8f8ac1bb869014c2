import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A node loses its data folder, and starts as a new origin. */
export const loseData = actKind({
  kind: 'lose-data',
  weight: 0.5,
  shape: { node: nodeIndex, downMs: milliseconds },
  draw: ({ node, between }) => ({ node: node(), downMs: between(0, 3_000) }),
  perform(world, { node, downMs }) {
    world.withNode(node, (unlucky) => {
      unlucky.crash(false);
      unlucky.loseData();
      world.checker.diskFailed(unlucky);
      world.situations.reached('data folder lost');
      world.faultFor(downMs, () => unlucky.start());
    });
  },
});

/** A node is put back to a backup of its data folder. */
export const restoreBackup = actKind({
  kind: 'restore-backup',
  weight: 0.7,
  shape: { node: nodeIndex, ageMs: milliseconds, downMs: milliseconds },
  draw({ node, settings, between }) {
    // Alone it could not know what it has forgotten.
    return settings.nodes < 2 ? undefined : { node: node(), ageMs: between(100, 4_000), downMs: between(0, 1_000) };
  },
  perform(world, { node, ageMs, downMs }) {
    world.withNode(node, (unlucky) => {
      const restore = unlucky.disk.backUp();
      const kept = unlucky.disk.heads();
      const { origin } = unlucky.signer;
      world.unlessHealed(ageMs, () => {
        // The backup of a data folder that was lost meanwhile would bring back another origin.
        if (unlucky.signer.origin !== origin) return;
        // Entries that were on no disk any more may have been written anew: to bring them back would be a fork.
        if (kept.some((head) => head.size > world.checker.sizeLeft(head.origin))) return;
        // One at a time: several that are put back at once may know nobody but each other, and write on what all forgot.
        if (world.nodes.some((other) => other !== unlucky && other.replica?.mayWrite !== true)) return;
        unlucky.crash(false);
        restore();
        world.checker.diskFailed(unlucky);
        world.situations.reached('backup restored');
        if (world.checker.truth.held(unlucky, origin) === 0 && world.checker.truth.mostHeld(origin) > 0) {
          world.situations.reached('restored to before its first write');
        }
        world.faultFor(downMs, () => unlucky.start());
      });
    });
  },
});
