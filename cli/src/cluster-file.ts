import { readFile, rm } from 'node:fs/promises';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { z } from 'zod';
import { writePrivateFile } from './private-file.ts';

/** `cluster.json`: how to reach the cluster that runs from this data folder. Holds tokens, so it is for its owner alone. */
const clusterFileSchema = z.object({
  gateway: z.url(),
  admin: z.url(),
  /** With the operator's token in the fragment, which browsers do not send. */
  console: z.url(),
  tokens: z.object({ web: z.string(), mobile: z.string(), operator: z.string() }),
  processes: z.array(
    z.object({
      name: z.string(),
      pid: z.int(),
      http: z.url(),
      /** `host:port` of the gossip socket; nodes only. */
      udp: z.string().optional(),
    }),
  ),
});
export type ClusterFile = z.infer<typeof clusterFileSchema>;
export type ClusterTokens = ClusterFile['tokens'];

function clusterFilePath(dataDir: string): string {
  return `${dataDir}/cluster.json`;
}

/** What the last `up` on this folder wrote; `undefined` when it was stopped or there was none. Throws `DATA_DIR_UNUSABLE` for a broken file. */
export async function readClusterFile(dataDir: string): Promise<ClusterFile | undefined> {
  const path = clusterFilePath(dataDir);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new GrapevineError('DATA_DIR_UNUSABLE', `Cannot read ${path} (${code}).`, { cause: error });
  }
  return parseInput(clusterFileSchema, parseText(text, path), path, 'DATA_DIR_UNUSABLE');
}

function parseText(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GrapevineError('DATA_DIR_UNUSABLE', `${path} is not valid JSON; remove it and start the cluster again.`, {
      cause,
    });
  }
}

export async function writeClusterFile(dataDir: string, content: ClusterFile): Promise<void> {
  await writePrivateFile(clusterFilePath(dataDir), `${JSON.stringify(content, undefined, 2)}\n`);
}

export async function removeClusterFile(dataDir: string): Promise<void> {
  await rm(clusterFilePath(dataDir), { force: true });
}
