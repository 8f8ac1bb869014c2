import { rename, writeFile } from 'node:fs/promises';

/** Puts `text` at `path` for this user alone (mode 600). Readers see the old content or the new, never a part. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`;
  await writeFile(unfinished, text, { mode: 0o600, flush: true });
  await rename(unfinished, path);
}
