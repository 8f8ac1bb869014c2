/** Signed heads and forks as the API writes them. */
import type { Fork, ForkSide, SignedHeadJson } from '@grapevine/shared/contracts/node-api.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { hlcFromHex, hlcToHex } from '@grapevine/shared/log/hlc.ts';
import type { FoundFork, FoundSide } from './find-fork.ts';

export function headFromJson(head: SignedHeadJson): SignedHead {
  return {
    origin: head.origin,
    size: head.size,
    root: Uint8Array.fromHex(head.root),
    hlc: hlcFromHex(head.hlc),
    publicKey: Uint8Array.fromHex(head.publicKey),
    signature: Uint8Array.fromHex(head.signature),
  };
}

export function headToJson({ origin, size, root, hlc, publicKey, signature }: SignedHead): SignedHeadJson {
  return {
    origin,
    size,
    root: toHex(root),
    hlc: hlcToHex(hlc),
    publicKey: toHex(publicKey),
    signature: toHex(signature),
  };
}

/** A fork that was found just now at `peer`. */
export function forkToJson({ origin, size, seq, own, other }: FoundFork, peer: string, nowMs: number): Fork {
  const sides = { own: sideToJson(own), other: sideToJson(other) };
  return { origin, size, seq, ...sides, peer, foundMs: nowMs, seenMs: nowMs, endedMs: null };
}

function sideToJson({ head, root, path, id }: FoundSide): ForkSide {
  return { head: headToJson(head), root: toHex(root), path: path.map(toHex), id: toHex(id) };
}
