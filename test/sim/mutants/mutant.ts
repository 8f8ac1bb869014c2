/** A way to break the nodes' code, and who must notice. */
export interface Mutant {
  /** What the broken code does. */
  readonly name: string;
  readonly patches: readonly Patch[];
  readonly caughtBy: SweepCatch | TestCatch;
}

/** `find` stands in the file exactly once. */
export interface Patch {
  /** Relative to the root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface SweepCatch {
  /** Kinds of faults that bring it out. */
  readonly faults: readonly string[];
}

export interface TestCatch {
  /** Relative to the root. */
  readonly test: string;
}
