import { chmod, readFile } from 'node:fs/promises';
import { toBase64Url } from '@grapevine/shared/contracts/base64url.ts';
import { makeFolder } from '@grapevine/shared/make-folder.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { writePrivateFile } from '../private-file.ts';
import { makeTokenKeys } from '../tokens/token-keys.ts';

/** Bytes of a shared key: as much as the ciphers and MACs made from it can use. */
const sharedKeyBytes = 32;

/** Lists that start without entries, so that the gateway watches them from its start. */
const emptyLists = {
  'api-keys.json': { keys: [] },
  'revoked.json': { tokens: [], apiKeys: [], subjects: [] },
};

/**
 * Makes what a cluster's first start needs in `dir` (mode 700), files mode 600: `cluster.key`, `edge.key`, the keys of
 * tokens, and the lists of API keys and of what is revoked. What is there stays: nodes with another key, and tokens that people hold, would stop working.
 */
export async function makeMissingSecrets(dir: string, random: Random): Promise<void> {
  makeFolder(dir);
  await chmod(dir, 0o700);
  for (const name of ['cluster.key', 'edge.key']) {
    if (await isMissing(`${dir}/${name}`)) {
      await writePrivateFile(`${dir}/${name}`, `${toBase64Url(random.bytes(sharedKeyBytes))}\n`);
    }
  }
  for (const [name, nothing] of Object.entries(emptyLists)) {
    if (await isMissing(`${dir}/${name}`)) await writePrivateFile(`${dir}/${name}`, `${JSON.stringify(nothing)}\n`);
  }
  if (await isMissing(`${dir}/jwks.json`)) await makeTokenKeys(dir, random);
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await readFile(path);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}
