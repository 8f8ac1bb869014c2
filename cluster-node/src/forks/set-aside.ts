/**
 * A history of a log that a node gave up, in a folder of its own:
 *
 * ```
 * fork.json       the evidence: both signed heads, and proofs that lead from them to the first entry that differs
 * segments        all segments from the last common one on, as `GET /v1/segments` streams them (segment-frames.ts)
 * messages.jsonl  one line for each message that the other history does not have
 * ```
 */
import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Fork } from '@grapevine/shared/contracts/node-api.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { makeFolder } from '@grapevine/shared/make-folder.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { FoundSegment } from '../damage/read-segment.ts';
import { messageJson } from '../http/message-json.ts';
import { diskTrouble } from '../store/disk-trouble.ts';
import { encodeFrames } from '../wire/segment-frames.ts';

/** Where in a data folder histories are kept that were given up. */
export function setAsideFolder(dataDir: string): string {
  return join(dataDir, 'set-aside');
}

/** Writes one such folder. Everything throws `DISK_FULL` or `DISK_FAILED` when it cannot be written. */
export class SetAside {
  /** Within the data folder. */
  readonly name: string;
  readonly #folder: string;
  readonly #fork: Fork;
  readonly #segments: FileHandle;
  readonly #messages: FileHandle;

  private constructor(folder: string, fork: Fork, segments: FileHandle, messages: FileHandle) {
    this.name = join(basename(setAsideFolder('')), basename(folder));
    this.#folder = folder;
    this.#fork = fork;
    this.#segments = segments;
    this.#messages = messages;
  }

  /** Makes a new folder in `parent`; no two begin in the same millisecond. */
  static create(parent: string, fork: Fork, nowMs: number): Promise<SetAside> {
    return onDisk(async () => {
      makeFolder(parent);
      const folder = join(parent, `${fork.origin}-${fork.seq}-${nowMs}`);
      mkdirSync(folder, { mode: 0o700 });
      const segments = await open(join(folder, 'segments'), 'wx', 0o600);
      const messages = await open(join(folder, 'messages.jsonl'), 'wx', 0o600);
      return new SetAside(folder, fork, segments, messages);
    });
  }

  /** Adds the next segment; its entries from the fork on are listed, but for those that retention has erased. */
  async add({ segment, entries, leafHashes }: FoundSegment): Promise<void> {
    const lines = entries.flatMap((entry, i) => {
      if (entry === undefined || entry.seq < this.#fork.seq) return [];
      const id = toHex(leafHashes.subarray(i * hashLength, (i + 1) * hashLength));
      const { idempotencyKey = null } = entry;
      return [`${JSON.stringify({ ...messageJson({ id, entry }), idempotencyKey })}\n`];
    });
    await onDisk(async () => {
      await this.#segments.appendFile(encodeFrames([segment.bytes]));
      await this.#messages.appendFile(lines.join(''));
    });
  }

  /** Resolves when all of it is on disk. */
  async finish(): Promise<void> {
    await onDisk(async () => {
      const evidence = await open(join(this.#folder, 'fork.json'), 'wx', 0o600);
      await evidence.writeFile(`${JSON.stringify(this.#fork, undefined, 2)}\n`);
      for (const file of [evidence, this.#segments, this.#messages]) await syncAndClose(file);
      // Without it a crash could take back that the files, and the folder, are there.
      for (const folder of [this.#folder, join(this.#folder, '..'), join(this.#folder, '..', '..')]) {
        await syncAndClose(await open(folder, 'r'));
      }
    });
  }

  /** Lets go of the files, whatever has come of it; does nothing after `finish`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#segments.close(), this.#messages.close()]);
  }
}

async function syncAndClose(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function onDisk<Result>(use: () => Promise<Result>): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    throw diskTrouble(error);
  }
}
