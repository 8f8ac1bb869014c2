/**
 * Loaded before everything else, by the address that `installUrl` makes: from then on this thread or process loads the
 * patched files.
 */
import { registerHooks } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../runner/test-files.ts';
import { applyPatches, patchesOf } from './patch.ts';

const patches = patchesOf(import.meta.url);
const files = new Set(patches.map(({ file }) => file));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:')) return loaded;
    const file = relative(root, fileURLToPath(url));
    if (!files.has(file) || loaded.source === undefined || loaded.source === null) return loaded;
    return { ...loaded, source: applyPatches(patches, file, Buffer.from(loaded.source as Uint8Array).toString()) };
  },
});
