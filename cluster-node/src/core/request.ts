import { maxPayload, memberBytes, originSizeBytes, partialBytes, pullRequestBytes } from '../wire/limits.ts';
import {
  everyOrigin,
  type MemberDigest,
  type OriginRange,
  type OriginSize,
  type PartialSegment,
} from '../wire/messages.ts';

/** Vector entries that fit into a request beside these members and partials. */
export function requestRoom(
  maxDatagramBytes: number,
  members: readonly MemberDigest[],
  partials: readonly PartialSegment[],
): number {
  const taken =
    pullRequestBytes +
    members.reduce((sum, member) => sum + memberBytes(member), 0) +
    partials.reduce((sum, partial) => sum + partialBytes(partial), 0);
  return Math.max(1, Math.floor((maxPayload(maxDatagramBytes) - taken) / originSizeBytes));
}

/**
 * The part of a vector that fits into one request, and the range it speaks for. When all does not fit, the slice starts at
 * `wanted`, or goes on with `turn`: within as many turns as there are slices every origin is spoken for.
 */
export function sliceVector(
  flushed: ReadonlyMap<string, number>,
  room: number,
  turn: number,
  wanted?: string,
): { range: OriginRange; vector: OriginSize[]; complete: boolean } {
  const sorted = [...flushed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([origin, size]) => ({ origin, size }));
  if (sorted.length <= room) return { range: everyOrigin, vector: sorted, complete: true };
  const slices = Math.ceil(sorted.length / room);
  const found = wanted === undefined ? -1 : sorted.findIndex(({ origin }) => origin >= wanted);
  // A wanted origin behind all that are here is spoken for by the last slice.
  const slice = wanted === undefined ? turn % slices : slices - 1;
  const start = found >= 0 ? found : slice * room;
  const vector = sorted.slice(start, start + room);
  const before = sorted[start - 1];
  const isLast = start + room >= sorted.length;
  const range = {
    from: before === undefined ? everyOrigin.from : successor(before.origin),
    to: isLast ? everyOrigin.to : (vector.at(-1)?.origin ?? everyOrigin.to),
  };
  return { range, vector, complete: false };
}

function successor(origin: string): string {
  return (BigInt(`0x${origin}`) + 1n).toString(16).padStart(32, '0');
}
