/** What a sweep must have been through at least once: a fault that never meets the moment it is dangerous in proves nothing. */
export const situations = {
  'write survived its process': 'a crash kept a write of which the process never heard',
  'crash before the acknowledgement': 'a node died after the flush, while a publish waited for other nodes',
  'commit failed under publishes': 'publishes were in a commit that failed',
  'refused before it knew its log': 'a client came to a node that was still asking its peers for its own log',
  'queue full': 'a publish was refused because too much waited to be written',
  'acknowledgement timed out': 'fewer nodes than asked for had said in time that they hold a publish',
  'not yet': 'a reader came to a node that did not hold what the reader had published',
  'publish repeated': 'a publish was answered with the message that had its idempotency key before',
  'one key at two nodes': 'two nodes accepted one idempotency key without knowing of each other',
  'stream broke': 'a catch-up stream ended before it was complete',
  'partition during catch-up': 'a partition began while a node fetched a stream across it',
  'partial resend': 'a request named the fragments that it had, so that only the others were sent',
  'early segment': 'a segment arrived before its predecessor',
  'sliced vector': 'a vector did not fit into its request',
  'suspicion refuted': 'a node raised its incarnation because others took it for suspect or dead',
  'the dead came back': 'a node took another for dead, and then for alive',
  'member lists differed': 'a node in a large cluster was sent members that it lacked, or knew otherwise',
  'earlier life outbid': 'a node claimed a later start than an earlier life of its name, before which its clock stood',
  'receive buffer full': 'datagrams were lost because a process was too slow to read them',
  'clock set back': 'a node wrote while its clock stood before its last entry',
  'data folder lost': 'a node lost its data folder and went on as a new origin',
  'acknowledged message lost with its disks': 'as many disks failed as were said to hold a message',
  'backup restored': 'a node was put back to a backup of its data folder',
  'restored to before its first write':
    'a node was put back to when it had written nothing, though others held entries of it',
  'own entries came back': 'a node got entries of its own log from its peers',
  'keys rotated': 'the cluster changed its key while it ran',
  'key changed while a node was down': 'a node started with another key file than that with which it went down',
  'sealed by an unknown key': 'a node was sent a datagram whose key it did not have',
  'replay refused': 'a sealed datagram came a second time, or from an earlier start of its sender',
  'altered segment refused': 'a node refused a segment that a peer had altered',
  'bit flipped': 'a bit flipped in a segment on a disk',
  'damage found': 'a scrub took a damaged segment out of service',
  'damage mended': 'a damaged segment was put right with a copy of a peer',
  'read met damage': 'a client read what was damaged, and was given nothing of it',
  'erased form taken': 'a node took a segment of which retention had erased bodies elsewhere',
} as const;

export type Situation = keyof typeof situations;

/** Counts how often a run got into each situation. */
export class SituationCounts {
  readonly #counts = new Map<Situation, number>();

  reached(situation: Situation, times = 1): void {
    if (times > 0) this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + times);
  }

  has(situation: Situation): boolean {
    return this.#counts.has(situation);
  }

  /** Those that were reached. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
