import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Puts a whole file in the place of `path`; on disk when this resolves. A crash leaves the old one or the new one. */
export async function replaceDurably(path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}.new`;
  await withFile(unfinished, 'w', async (file) => {
    await file.writeFile(content);
    await file.sync();
  });
  await rename(unfinished, path);
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
