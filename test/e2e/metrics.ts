import assert from 'node:assert/strict';
import { z } from 'zod';
import { request } from './clients.ts';
import type { Cluster } from './cluster.ts';

/** What every process of a cluster answers at /metrics, by its name; the gateway at its admin listener. */
export async function scrape(cluster: Cluster): Promise<Map<string, string>> {
  const { admin, processes } = await cluster.readFile();
  const texts = new Map<string, string>();
  for (const { name, http } of processes) {
    const { status, body } = await request(`${name === 'gateway' ? admin : http}/metrics`);
    assert.equal(status, 200, name);
    texts.set(name, z.string().parse(body));
  }
  return texts;
}
