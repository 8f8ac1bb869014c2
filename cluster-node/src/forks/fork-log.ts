/**
 * The table `forks`: evidence of every fork that this node has seen. Nothing that lasts is ever forgotten or written over; of
 * what is over, the latest are kept.
 *
 * ```
 * key    origin 16 · seq u48 · first 8 bytes of this node's id there · first 8 bytes of the other id
 * value  JSON, see `forkSchema`
 * ```
 */
import { type Fork, forkSchema } from '@grapevine/shared/contracts/node-api.ts';
import { ByteWriter, fromHex } from '@grapevine/shared/log/bytes.ts';
import type { Batch } from '../store/batch.ts';
import { damaged } from '../store/damage.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { everything } from '../store/keys.ts';

/** Forks that last: an origin has one key and one life, so that dozens would mean dozens of restored backups at once. */
const maxOpen = 256;
/** Forks that are over: for looking back. */
const maxEnded = 64;

/** Those that last first, then the latest first. */
export function listForks(reader: KeyValueReader): Fork[] {
  const forks = Array.from(reader.range('forks', everything), ([, value]) => decode(value));
  const lasts = ({ endedMs }: Fork): number => (endedMs === null ? 0 : 1);
  return forks.sort((a, b) => lasts(a) - lasts(b) || b.foundMs - a.foundMs);
}

/**
 * Notes a fork that was just seen; one that is known keeps what was first found and lasts on. Answers the record, or undefined
 * when there is no room for another.
 */
export function noteFork(batch: Batch, fork: Fork): Fork | undefined {
  const key = keyOf(fork);
  const known = batch.get('forks', key);
  const noted = known === undefined ? fork : { ...decode(known), peer: fork.peer, seenMs: fork.seenMs, endedMs: null };
  if (known === undefined && listForks(batch).filter(({ endedMs }) => endedMs === null).length >= maxOpen) {
    return undefined;
  }
  batch.put('forks', key, encode(noted));
  return noted;
}

/** Notes that a fork is over, and forgets the one that was over first if there are too many. */
export function endFork(batch: Batch, fork: Fork, nowMs: number): void {
  const others = listForks(batch).filter(({ endedMs }) => endedMs !== null);
  for (const old of others.sort((a, b) => (b.endedMs ?? 0) - (a.endedMs ?? 0)).slice(maxEnded - 1)) {
    batch.delete('forks', keyOf(old));
  }
  batch.put('forks', keyOf(fork), encode({ ...fork, endedMs: nowMs }));
}

function keyOf({ origin, seq, own, other }: Fork): Uint8Array {
  const writer = new ByteWriter(38, 38);
  writer.hex(origin);
  writer.u48(seq);
  writer.bytes(fromHex(own.id).subarray(0, 8));
  writer.bytes(fromHex(other.id).subarray(0, 8));
  return writer.finish();
}

function encode(fork: Fork): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(fork));
}

function decode(value: Uint8Array): Fork {
  const parsed = forkSchema.safeParse(jsonOf(value));
  if (!parsed.success) throw damaged('Expected the record of a fork, found something else.');
  return parsed.data;
}

function jsonOf(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    return undefined;
  }
}
