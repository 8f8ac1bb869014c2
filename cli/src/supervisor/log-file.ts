import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { copyFile, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '@grapevine/shared/make-folder.ts';

/** One log per process, and one older: enough for an hour of full load, and a laptop's disk does not notice. */
const maxLogBytes = 50 * 1024 * 1024;
/** End of a log that is read to say why a process ended. */
const tailBytes = 4_096;

export interface OpenLog {
  /** Opened for appending, so that writers go on at the new end after the file was cut. */
  readonly descriptor: number;
  /** Where this life of the process begins. */
  readonly start: number;
}

export function openLog(path: string): OpenLog {
  // Whoever tidies up a data folder while it is in use may take the logs away, but not the cluster down.
  makeFolder(dirname(path));
  const descriptor = openSync(path, 'a', 0o600);
  return { descriptor, start: fstatSync(descriptor).size };
}

/**
 * Moves a log that has grown beyond 50 MiB to `<path>.1` and begins again. By copying and cutting: the process that writes
 * it has it open. What is written between the two is lost, which is better than a full disk.
 */
export async function boundLog(path: string, maxBytes = maxLogBytes): Promise<void> {
  const { size } = await stat(path);
  if (size <= maxBytes) return;
  await copyFile(path, `${path}.1`);
  await truncate(path);
}

/** Log records, and the lines of a stack trace and its frame. */
const notWords = /^([\s{}]|Node\.js v|$)/;

/** The last words since `start` outside the log's records: what a service prints when it cannot start, or crashes. */
export function lastWords(path: string, start: number): string | undefined {
  if (!existsSync(path)) return undefined;
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(Math.min(start, size), size - tailBytes);
    const bytes = new Uint8Array(size - from);
    readSync(descriptor, bytes, 0, bytes.length, from);
    const lines = new TextDecoder().decode(bytes).split('\n');
    // Of a line that begins before the part that was read, nobody can say what it is.
    if (from > start) lines.shift();
    return lines.findLast((line) => !notWords.test(line));
  } finally {
    closeSync(descriptor);
  }
}
