import { readFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unusable } from './disk-trouble.ts';

/** Puts a whole file in the place of `path`; on disk when this resolves. A crash leaves the old one or the new one. */
export async function replaceDurably(path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}.new`;
  await withFile(unfinished, 'w', async (file) => {
    await file.writeFile(content);
    await file.sync();
  });
  await renameDurably(unfinished, path);
}

/** Puts a file that is on disk in the place of `path`. A crash leaves the old one or the new one there. */
export async function renameDurably(file: string, path: string): Promise<void> {
  await rename(file, path);
  // Without it a crash could take back the renaming.
  await withFile(dirname(path), 'r', (folder) => folder.sync());
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

/** A small file's text; undefined when there is no such file. Throws `DATA_DIR_UNUSABLE` when it cannot be read. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unusable(`read ${path}`, error);
  }
}
