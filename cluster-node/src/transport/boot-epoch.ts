import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { unusable } from '../store/disk-trouble.ts';
import { readIfThere } from '../store/durable-file.ts';

const fileName = 'boot-epoch';
/** Epochs are 48 bits in datagrams. */
const maxEpoch = 2 ** 48 - 1;

/**
 * The boot epoch of this start for `Sealer`: the wall clock's milliseconds, or one more than the last epoch when the clock
 * does not stand after it. The epoch is on disk before it is returned, so that a later start cannot get it again: two starts
 * with one epoch would use nonces twice, and a start with an older one would be refused by every peer.
 *
 * Throws `DATA_DAMAGED` when the file holds something else than an epoch, `DATA_DIR_UNUSABLE` or `DISK_FULL` when it cannot
 * be read or written.
 */
export function claimBootEpoch(dataDir: string, clock: Clock): number {
  const path = join(dataDir, fileName);
  const epoch = Math.max(clock.wallMs(), readLast(path) + 1);
  try {
    writeDurably(path, `${epoch}\n`);
    syncFolder(dataDir);
  } catch (error) {
    throw unusable(`write ${path}`, error);
  }
  return epoch;
}

/** Makes every later start's epoch exceed `epoch`. */
export function raiseBootEpoch(dataDir: string, epoch: number): void {
  const path = join(dataDir, fileName);
  if (epoch <= readLast(path)) return;
  writeDurably(path, `${epoch}\n`);
  syncFolder(dataDir);
}

function readLast(path: string): number {
  const text = readIfThere(path);
  if (text === undefined) return -1;
  const last = /^\d{1,15}\n$/.test(text) ? Number(text) : Number.NaN;
  if (last < maxEpoch) return last;
  throw new GrapevineError('DATA_DAMAGED', `Expected ${path} to hold milliseconds below 2^48 on one line.`);
}

/** A crash leaves the old file or the new one, never half of it. */
function writeDurably(path: string, text: string): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Makes the rename itself durable. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
