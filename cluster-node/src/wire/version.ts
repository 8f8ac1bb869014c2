/** Versions of the protocol, both included: 1 to 255. A node speaks every version of its range. */
export interface VersionRange {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * What this code reads and writes. A change that older nodes could misread raises `highest`; `lowest` follows once no node
 * of that version runs any more.
 */
export const spokenVersions: VersionRange = { lowest: 1, highest: 1 };

export function speaks({ lowest, highest }: VersionRange, version: number): boolean {
  return lowest <= version && version <= highest;
}

/** Whether the two have a version in common. */
export function areCompatible(a: VersionRange, b: VersionRange): boolean {
  return Math.min(a.highest, b.highest) >= Math.max(a.lowest, b.lowest);
}

/**
 * The version in which a node speaks to another: the highest common one; undefined when there is none, and then nothing is
 * sent. Somebody whose range is not known yet is spoken to in each of our versions by turns, so that one of them is
 * understood.
 */
export function versionFor(own: VersionRange, theirs: VersionRange | undefined, turn: number): number | undefined {
  if (theirs === undefined) return own.lowest + (turn % (own.highest - own.lowest + 1));
  return areCompatible(own, theirs) ? Math.min(own.highest, theirs.highest) : undefined;
}
