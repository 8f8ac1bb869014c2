import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import { makeFolder } from '@grapevine/shared/make-folder.ts';
import { unusable } from './disk-trouble.ts';
import { readIfThere } from './durable-file.ts';
import { generateOriginKey } from './ed25519.ts';

const fileName = 'origin.key';
/** The secret in hex and a line end. */
const contentPattern = /^[0-9a-f]{64}\n$/;

/**
 * The secret of this node's origin: 32 bytes, from `origin.key` in the data folder, made at the first start. Whoever calls
 * holds the folder's lock. Throws `DATA_DIR_UNUSABLE` when the file cannot be read or written, `DATA_DAMAGED` when it
 * holds something else: a new key in its place would silently make this another node.
 */
export function readOrCreateOriginKey(dataDir: string): Uint8Array {
  const path = join(dataDir, fileName);
  const content = readIfThere(path);
  if (content === undefined) return createKey(dataDir, path);
  if (!contentPattern.test(content)) {
    throw new GrapevineError('DATA_DAMAGED', `${path}: expected 64 hexadecimal digits, found something else.`);
  }
  return fromHex(content.trimEnd());
}

/**
 * Puts the key of this node's origin aside for good, as `retired-ORIGIN.key`: the next start makes a new one, and with it
 * another log. Throws `DATA_DIR_UNUSABLE`.
 */
export function retireOriginKey(dataDir: string, origin: string): void {
  const path = join(dataDir, fileName);
  try {
    renameSync(path, join(dataDir, `retired-${origin}.key`));
    syncFolder(dataDir);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** The file appears under its name only when all of it is on disk: half a key must not be found after a crash. */
function createKey(dataDir: string, path: string): Uint8Array {
  const secret = generateOriginKey();
  const unfinished = `${path}.new`;
  try {
    makeFolder(dataDir);
    rmSync(unfinished, { force: true });
    const file = openSync(unfinished, 'wx', 0o600);
    writeSync(file, `${toHex(secret)}\n`);
    fsyncSync(file);
    closeSync(file);
    renameSync(unfinished, path);
    syncFolder(dataDir);
  } catch (error) {
    throw unusable(`write ${path}`, error);
  }
  return secret;
}

/** Without it a crash could take back the renaming. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
