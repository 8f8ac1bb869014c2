import { z } from 'zod';
import { ApiError, request, type WebClient } from '../e2e/clients.ts';
import { until } from '../e2e/until.ts';
import { keyIn, type Published } from './published.ts';

/** Something that must hold after a run. */
export interface Check {
  readonly name: string;
  /** Undefined when it could not be looked at. */
  readonly passed: boolean | undefined;
  /** What was found. */
  readonly found: string;
}

/** After the last fault, until all nodes hold the same; on a busy machine. In milliseconds. */
const convergenceMs = 60_000;
/** The largest page that the API gives. */
const pageSize = 100;
/** Messages that a failed check names. */
const maxNamed = 3;

const rootsSchema = z.object({
  cluster: z.object({
    nodes: z.array(z.object({ name: z.string(), root: z.string().nullable() })),
    consistency: z.object({ verdict: z.string() }),
  }),
});
const rootsQuery = '{ cluster { nodes { name root } consistency { verdict } } }';

const pageSchema = z.object({
  items: z.array(z.object({ body: z.string() })),
  next: z.string().nullable(),
});

/** The number of nodes; undefined when the token may not ask. */
export async function countNodes(client: WebClient): Promise<number | undefined> {
  try {
    return (await client.query(rootsSchema, rootsQuery)).cluster.nodes.length;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'FORBIDDEN') return undefined;
    throw error;
  }
}

/** Waits until all nodes have the same root. */
export async function checkRoots(client: WebClient): Promise<Check> {
  const name = 'all roots are equal';
  const startedMs = performance.now();
  let last = 'no answer';
  try {
    await until(
      name,
      async () => {
        const { nodes, consistency } = (await client.query(rootsSchema, rootsQuery)).cluster;
        last = nodes.map((node) => `${node.name} ${node.root?.slice(0, 16) ?? 'no answer'}`).join(', ');
        return consistency.verdict === 'equal' && new Set(nodes.map(({ root }) => root)).size === 1;
      },
      convergenceMs,
    );
    return { name, passed: true, found: `${last}, after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s` };
  } catch (error) {
    const { cause } = error as Error;
    if (cause instanceof ApiError && cause.code === 'FORBIDDEN') {
      return { name, passed: undefined, found: 'not looked at: the token lacks the scope cluster:read' };
    }
    return { name, passed: false, found: `${last}, after ${convergenceMs / 1_000} s` };
  }
}

/**
 * Reads back every topic that was written to: whether all that was acknowledged is there, and nothing twice. Neither holds when a
 * page has no answer within `pageMs` milliseconds.
 */
export async function checkMessages(
  gateway: string,
  token: string,
  published: Published,
  pageMs = 20_000,
): Promise<Check[]> {
  const names = { lost: 'no acknowledged message is lost', doubled: 'no message is there twice' };
  const lost: string[] = [];
  const doubled: string[] = [];
  let read = 0;
  try {
    for (const [topic, keys] of published.topics()) {
      const present = new Set<string>();
      for await (const { body } of messagesOf(gateway, token, topic, pageMs)) {
        read++;
        const key = keyIn(body);
        if (present.size === present.add(key).size) doubled.push(key);
      }
      lost.push(...[...keys].filter((key) => !present.has(key)));
    }
  } catch (error) {
    const { cause, message } = error as Error;
    const found = `cannot be read back: ${cause instanceof Error ? cause.message : message}`;
    return Object.values(names).map((name) => ({ name, passed: false, found }));
  }
  const unwatched = published.unwatched === 0 ? '' : `; ${published.unwatched} more were not remembered`;
  return [
    {
      name: names.lost,
      passed: lost.length === 0,
      found: `${published.count - lost.length} of ${published.count} are there${named(lost, 'lost')}${unwatched}`,
    },
    {
      name: names.doubled,
      passed: doubled.length === 0,
      found: `${read} read${named(doubled, 'twice')}`,
    },
  ];
}

async function* messagesOf(gateway: string, token: string, topic: string, pageMs: number) {
  const base = `${gateway}/mobile/v1/topics/${encodeURIComponent(topic)}/messages?limit=${pageSize}`;
  for (let after = ''; ; ) {
    const page = await readPage(`${base}${after}`, token, pageMs);
    yield* page.items;
    if (page.next === null) return;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}

/** A page, tried again while the API asks to wait. */
function readPage(url: string, token: string, pageMs: number): Promise<z.infer<typeof pageSchema>> {
  const read = async () => {
    const answer = await request(url, { token });
    if (answer.status !== 200) throw new ApiError(answer);
    return pageSchema.parse(answer.body);
  };
  return until(`an answer of ${url}`, read, pageMs);
}

function named(keys: readonly string[], what: string): string {
  if (keys.length === 0) return '';
  return `; ${keys.length} ${what}: ${keys.slice(0, maxNamed).join(', ')}${keys.length > maxNamed ? ' …' : ''}`;
}
