import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../until.ts';

/** Above the time that a node takes to move what it journalled to the database, in milliseconds. */
const settleMs = 150;

/**
 * Flips one bit of a text wherever it is in a node's database, in place: the file must not be replaced under a node that
 * has it mapped. Waits until the text is there and stays where it is, since the node moves pages as it writes.
 */
export async function flipBitIn(nodeFolder: string, text: string): Promise<void> {
  const path = join(nodeFolder, 'db', 'data.mdb');
  const places = await until(`${JSON.stringify(text)} is in ${path}`, async () => {
    const before = await placesOf(path, text);
    await pause(settleMs);
    const after = await placesOf(path, text);
    return after.length > 0 && after.join() === before.join() && after;
  });
  const file = await open(path, 'r+');
  for (const at of places) await file.write(Uint8Array.of(text.charCodeAt(0) ^ 1), 0, 1, at);
  await file.close();
}

async function placesOf(path: string, text: string): Promise<number[]> {
  const bytes = await readFile(path);
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}
