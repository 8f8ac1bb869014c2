import type { KeyFile } from '@grapevine/shared/identity/key-file.ts';
import type { KeysInForce } from '@grapevine/shared/identity/key-rotation.ts';
import type { Logger } from 'pino';
import { type ClusterKey, clusterKeyOf, type KeyRing } from '../wire/key-ring.ts';
import { Opener, Sealer } from '../wire/seal.ts';

export interface SealingOptions {
  readonly keys: KeyFile;
  /** This node's origin. */
  readonly origin: string;
  readonly bootEpoch: number;
  readonly log: Logger;
}

/** By passphrase. */
type DerivedKeys = ReadonlyMap<string, ClusterKey>;

/**
 * A sealer and an opener with the keys of a file that are in force. They follow the file a moment later, since keys take time
 * to derive; those that stay are not derived again.
 */
export async function sealWithKeys(options: SealingOptions): Promise<{ sealer: Sealer; opener: Opener }> {
  const { keys: file, origin, bootEpoch, log } = options;
  let derived = await derive(file.inForce, new Map());
  const ring = ringOf(file.inForce, derived);
  const sealer = new Sealer({ key: ring.sealing, sender: origin, bootEpoch });
  const opener = new Opener(ring, origin);
  const follow = async (): Promise<void> => {
    const { inForce } = file;
    derived = await derive(inForce, derived);
    const { sealing, opening } = ringOf(inForce, derived);
    opener.use({ sealing, opening });
    sealer.use(sealing);
    log.info({ sealing: sealing.id, opening: opening.map(({ id }) => id) }, 'the keys of the cluster have changed');
  };
  // One after the other, and each with what is in force by then.
  let following = Promise.resolve();
  file.onChange(() => {
    following = following.then(follow).catch((error: unknown) => {
      log.error({ err: error }, 'the keys of the cluster could not be derived; the old ones stay in force');
    });
  });
  return { sealer, opener };
}

async function derive({ opening }: KeysInForce, known: DerivedKeys): Promise<DerivedKeys> {
  const entries = opening.map(async (text) => [text, known.get(text) ?? (await clusterKeyOf(text))] as const);
  return new Map(await Promise.all(entries));
}

function ringOf({ sealing }: KeysInForce, derived: DerivedKeys): KeyRing {
  const key = derived.get(sealing);
  if (key === undefined) throw new RangeError('Expected the sealing key among those that open.');
  return { sealing: key, opening: [...derived.values()] };
}
