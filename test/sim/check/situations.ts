/** What a sweep must have been through at least once: a fault that never meets the moment it is dangerous in proves nothing. */
export const situations = {
  'write survived its process': 'a crash kept a write of which the process never heard',
  'crash before the acknowledgement': 'a node died after the flush, while a publish waited for other nodes',
  'refused before it knew its log': 'a client came to a node that was still asking its peers for its own log',
  'stream broke': 'a catch-up stream ended before it was complete',
  'partition during catch-up': 'a partition began while a node fetched a stream across it',
  'partial resend': 'a request named the fragments that it had, so that only the others were sent',
  'early segment': 'a segment arrived before its predecessor',
  'sliced vector': 'a vector did not fit into its request',
  'suspicion refuted': 'a node raised its incarnation because others took it for suspect or dead',
  'acknowledgement timed out': 'fewer nodes than asked for had said in time that they hold a publish',
  'not yet': 'a reader came to a node that did not hold what the reader had published',
  'publish repeated': 'a publish was answered with the message that had its idempotency key before',
  'data folder lost': 'a node lost its data folder and went on as a new origin',
  'backup restored': 'a node was put back to a backup of its data folder',
  'keys rotated': 'the cluster changed its key while it ran',
  'key changed while a node was down': 'a node started with another key file than that with which it went down',
} as const;

export type Situation = keyof typeof situations;

/** Counts how often a run got into each situation. */
export class SituationCounts {
  readonly #counts = new Map<Situation, number>();

  reached(situation: Situation): void {
    this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + 1);
  }

  /** Those that were reached. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
