import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { unusable } from './disk-trouble.ts';
import { readIfThere } from './durable-file.ts';

const fileName = 'owner';

/**
 * Notes in a data folder which node it belongs to, and keeps every other one out: two nodes that take each other's folder
 * would each write the other's log. Whoever calls holds the folder's lock. Throws `DATA_DIR_FOREIGN`, or
 * `DATA_DIR_UNUSABLE` or `DISK_FULL` when the file cannot be read or written.
 */
export function claimFolder(dataDir: string, node: string): void {
  const path = join(dataDir, fileName);
  const owner = readIfThere(path)?.trim();
  // Empty: a crash came between making the file and writing it.
  if (owner === undefined || owner === '') {
    write(path, node);
  } else if (owner !== node) {
    throw new GrapevineError('DATA_DIR_FOREIGN', `${path} says that the folder belongs to ${owner}, this is ${node}.`);
  }
}

function write(path: string, node: string): void {
  try {
    const file = openSync(path, 'w', 0o600);
    writeSync(file, `${node}\n`);
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    throw unusable(`write ${path}`, error);
  }
}
