import type { HeadVerifier, SignedHead } from '@grapevine/shared/log/head.ts';
import { nodeHeadVerifier, verifyOnOtherThread } from '../store/ed25519.ts';

/** Signatures checked at once: two of libuv's four threads, so that the disk does not wait for the others. */
const lanes = 2;

/**
 * Checks signatures on other threads before they are asked for. A history of single messages has one signature each, at
 * 140 µs: checked on the node's own thread, they would take it away from everything else.
 */
export class AheadVerifier implements HeadVerifier {
  /** Objects, not their content: what was checked cannot be anything else than what is asked for. */
  readonly #sound = new WeakSet<SignedHead>();

  verify(head: SignedHead): boolean {
    return this.#sound.has(head) || nodeHeadVerifier.verify(head);
  }

  /** Makes `verify` cheap for those of `heads` that are sound. The others it still refuses. */
  async verifyAhead(heads: readonly SignedHead[]): Promise<void> {
    const waiting = heads.values();
    const work = async (): Promise<void> => {
      for (const head of waiting) if (await verifyOnOtherThread(head)) this.#sound.add(head);
    };
    await Promise.all(Array.from({ length: lanes }, work));
  }
}
