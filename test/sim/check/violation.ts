/** What a run must never break. A schedule is shrunk while it breaks the same one. */
export const promises = {
  C1: 'what is acknowledged is flushed where it was said to be, and no disk loses an entry by itself',
  C2: 'nothing is invented: one place in a log has one id, and its origin wrote it',
  C3: 'nobody advertises more than its disk holds',
  C4: 'nodes with equal roots hold equal logs',
  C5: 'in the end every acknowledged message that a disk still holds is on every disk, and roots follow from the raw entries',
  C6: 'an honest segment is never refused',
  C7: 'a read shows each message once, only what was published, and in order of its origin',
  C8: 'a reader with a token misses nothing, gets nothing twice, and sees its own writes at every node',
  C9: 'in the end all nodes show the same topics, counts and pages',
  C10: 'lag is never called a fork, and only what is equal is called equal',
  C11: 'an entry is dated after those before it in its log, and no other clock drags it into the future',
  L1: 'once the faults have ended, all roots become equal within the rounds allowed',
  L2: 'once the faults have ended, all nodes agree on who is alive',
  L3: 'a publish that a running node took is answered',
  L5: 'once the faults have ended, damage is found and mended from sound copies',
  L6: 'nodes do not flood each other, whatever they are sent',
  L4: 'a run comes to an end',
  crash: 'nothing throws',
} as const;

export type Broken = keyof typeof promises;

/** A promise of the system that a run broke. */
export class SafetyViolation extends Error {
  override readonly name = 'SafetyViolation';
  readonly broken: Broken;

  constructor(broken: Broken, message: string) {
    super(`${message} (${broken}: ${promises[broken]})`);
    this.broken = broken;
  }
}
