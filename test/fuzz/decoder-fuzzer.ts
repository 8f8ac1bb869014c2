/** Feeds damaged bytes to every decoder that is not behind a seal: what clients send, what peers stream, what lies on disks. */
import assert from 'node:assert/strict';
import {
  blockBytes,
  paddedLength,
  recordHeaderBytes,
  recordsIn,
  sealRecord,
} from '@grapevine/cluster-node/store/journal-format.ts';
import { decodeSegment, encodeSegment } from '@grapevine/cluster-node/wire/segment.ts';
import { encodeFrames, FrameDecoder } from '@grapevine/cluster-node/wire/segment-frames.ts';
import { decodeToken, encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { decodeCursor, encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { decodeEntry, encodeEntry } from '@grapevine/shared/log/entry.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import fc from 'fast-check';
import { segments } from './arbitrary-messages.ts';
import { Mutator } from './mutator.ts';

interface Decoder {
  readonly name: string;
  /** Bytes that it takes. */
  readonly sound: readonly Uint8Array[];
  /** Decodes and encodes again; throws a refusal. */
  readonly roundTrip: (bytes: Uint8Array) => Uint8Array;
}

const sampleCount = 60;
const salt = new Uint8Array(16).fill(9);

/** How often which decoder took or refused what it was given. */
export type DecoderOutcomes = Record<string, { taken: number; refused: number }>;

export class DecoderFuzzer {
  readonly outcomes: DecoderOutcomes = {};
  readonly #random: SeededRandom;
  readonly #mutator: Mutator;
  readonly #decoders: readonly Decoder[];
  readonly #journal: Uint8Array;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#mutator = new Mutator(this.#random);
    this.#decoders = decodersWith(fc.sample(segments, { seed, numRuns: sampleCount }), this.#random);
    this.#journal = journalOf([10, 5_000, 300].map((length) => this.#random.bytes(length)));
  }

  /** One damaged input for each decoder. Throws an `AssertionError` when a promise is broken. */
  check(): void {
    for (const { name, sound, roundTrip } of this.#decoders) {
      const bytes = this.#mutator.mutate(this.#pick(sound), this.#pick(sound));
      const again = takenOr(() => roundTrip(bytes));
      this.#count(name, again !== undefined);
      if (again !== undefined) assert.deepEqual(again, bytes, `${name}: two encodings of one value`);
    }
    this.#checkJournal();
  }

  /** Of a damaged journal only records come back that were written, whole. */
  #checkJournal(): void {
    const damage = this.#random.below(2) === 0 ? this.#mutator.flipBits(this.#journal) : this.#tear();
    const written = new Map(records(this.#journal).map((record) => [record.sequence, record]));
    const found = records(damage);
    for (const record of found) assert.deepEqual(record, written.get(record.sequence), 'a record that nobody wrote');
    this.#count('journal', found.length === written.size);
  }

  /** As a crash leaves it: from some block on, another time's bytes. */
  #tear(): Uint8Array {
    const torn = this.#journal.slice();
    torn.fill(this.#random.below(256), blockBytes + this.#random.below(torn.length - blockBytes));
    return torn;
  }

  #pick(sound: readonly Uint8Array[]): Uint8Array {
    return sound[this.#random.below(sound.length)] ?? new Uint8Array(1);
  }

  #count(name: string, taken: boolean): void {
    this.outcomes[name] ??= { taken: 0, refused: 0 };
    this.outcomes[name][taken ? 'taken' : 'refused']++;
  }
}

function decodersWith(samples: readonly Uint8Array[], random: SeededRandom): Decoder[] {
  const decoded = samples.map((bytes) => decodeSegment(bytes));
  const entries = decoded.flatMap(({ records: list }) =>
    list.flatMap((one) => (one.kind === 'entry' ? [one.bytes] : [])),
  );
  const cursors = decoded.map(({ origin, firstSeq }) => ({ hlc: '018bcfe568000000', origin, seq: firstSeq }));
  const tokens = decoded.map(
    (_, i) => new Map(decoded.slice(i, i + 5).map(({ origin }) => [origin, 1 + random.below(1_000)])),
  );
  return [
    { name: 'entry', sound: entries, roundTrip: (bytes) => encodeEntry(decodeEntry(bytes)) },
    { name: 'segment', sound: samples, roundTrip: (bytes) => encodeSegment(decodeSegment(bytes)) },
    { name: 'frames', sound: samples.map((_, i) => encodeFrames(samples.slice(i, i + 3))), roundTrip: framesAgain },
    {
      name: 'token',
      sound: tokens.map((token) => bytesOf(encodeToken(token))),
      roundTrip: (bytes) => bytesOf(encodeToken(decodeToken(textOf(bytes)))),
    },
    {
      name: 'cursor',
      sound: cursors.map((cursor) => bytesOf(encodeCursor(cursor))),
      roundTrip: (bytes) => bytesOf(encodeCursor(decodeCursor(textOf(bytes)))),
    },
  ];
}

function framesAgain(bytes: Uint8Array): Uint8Array {
  const decoder = new FrameDecoder();
  const middle = bytes.length >> 1;
  const found = [...decoder.push(bytes.subarray(0, middle)), ...decoder.push(bytes.subarray(middle))];
  decoder.end();
  return encodeFrames(found);
}

function journalOf(payloads: readonly Uint8Array[]): Uint8Array {
  const parts = payloads.map((payload, i) => {
    const record = Buffer.alloc(paddedLength(payload.length));
    record.set(payload, recordHeaderBytes);
    sealRecord(record, salt, { sequence: i + 1, confirmed: i, payloadBytes: payload.length });
    return record;
  });
  // Not the Buffer itself, whose `slice` would be a view where a Uint8Array's is a copy.
  return Uint8Array.from(Buffer.concat([Buffer.alloc(blockBytes), ...parts]));
}

function records(file: Uint8Array) {
  return [...recordsIn(Buffer.from(file.buffer, file.byteOffset, file.length), salt)].map((record) => ({
    ...record,
    payload: Uint8Array.from(record.payload),
  }));
}

/** What `decode` answers; undefined when it refuses with one of the errors that decoders may throw. */
function takenOr(decode: () => Uint8Array): Uint8Array | undefined {
  try {
    return Uint8Array.from(decode());
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    if (error instanceof GrapevineError && error.code === 'INVALID_CURSOR') return undefined;
    throw error;
  }
}

/** A character for each byte, as query strings and headers are read. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}
