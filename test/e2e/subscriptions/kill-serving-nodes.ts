import { z } from 'zod';
import { WebClient } from '../clients.ts';
import type { Cluster } from '../cluster.ts';
import { Publisher } from '../crash/publishers.ts';
import { until } from '../until.ts';
import { eventsOf, Subscriber, webSocketOf } from './subscribers.ts';

export interface KillReport {
  readonly kills: number;
  readonly messages: number;
  readonly failedPublishes: number;
  /** By the name of the client library: how often the subscriber itself had to come back. */
  readonly resumed: Readonly<Record<string, number>>;
}

/** Messages that must arrive between two kills, so that each node dies while it serves. */
const betweenKills = 20;

/**
 * Kills, `kills` times, the node that serves a subscription, while two clients publish and one subscriber of each kind reads.
 * Throws unless both end with exactly what the topic holds, in order per origin.
 */
export async function killServingNodes(cluster: Cluster, kills: number): Promise<KillReport> {
  const topic = 'kills';
  const client = new WebClient(cluster.gateway, cluster.tokens.web);
  const subscribers = [new Subscriber(eventsOf(cluster), topic), new Subscriber(webSocketOf(cluster), topic)];
  await until('both subscriptions are open', async () => (await openStreams(cluster)) === 2);
  const done = new AbortController();
  const publishers = ['a', 'b'].map((name) => new Publisher({ name, client, topic, acks: 1, keyed: false }));
  const publishing = publishers.map((publisher) => publisher.run(done.signal));
  for (let kill = 0; kill < kills; kill++) {
    const before = subscribers.map(({ received }) => received.length);
    await until(
      'messages arrive',
      () => subscribers.every((one, i) => one.received.length >= (before[i] ?? 0) + betweenKills),
      60_000,
    );
    const serving = await until('a node serves a subscription', () => servingNode(cluster, kill), 60_000);
    await cluster.killAndAwait(serving);
  }
  done.abort();
  await Promise.all(publishing);
  const accepted = publishers.flatMap((publisher) => publisher.accepted);
  const held = await until(
    'all that was accepted is readable',
    async () => {
      const ids = await idsIn(client, topic);
      return accepted.every(({ id }) => ids.has(id)) && ids;
    },
    60_000,
  );
  await until('all has arrived', () => subscribers.every(({ received }) => received.length >= held.size), 60_000);
  for (const subscriber of subscribers) subscriber.check(held);
  await Promise.all(subscribers.map((subscriber) => subscriber.stop()));
  await until('the nodes serve nobody any more', async () => (await openStreams(cluster)) === 0, 60_000);
  return {
    kills,
    messages: held.size,
    failedPublishes: publishers.reduce((sum, { failures }) => sum + failures.length, 0),
    resumed: Object.fromEntries(subscribers.map(({ name, resumed }) => [name, resumed])),
  };
}

/** The streams that a node has open; undefined while it does not answer. */
async function streamsAt(url: string): Promise<number | undefined> {
  const text = await fetch(`${url}/metrics`).then(
    (response) => response.text(),
    () => '',
  );
  const [, streams] = /^grapevine_node_streams(?:\{[^}]*\})? (\d+)/m.exec(text) ?? [];
  return streams === undefined ? undefined : Number(streams);
}

export async function openStreams(cluster: Cluster): Promise<number> {
  const streams = await Promise.all(cluster.nodes.map(({ http }) => streamsAt(http)));
  return streams.reduce<number>((sum, open) => sum + (open ?? 0), 0);
}

/** A node that serves a subscription, another one from time to time where there are several. */
async function servingNode(cluster: Cluster, turn: number): Promise<string | undefined> {
  const streams = await Promise.all(cluster.nodes.map(({ http }) => streamsAt(http)));
  const serving = cluster.nodes.filter((_node, i) => (streams[i] ?? 0) > 0);
  return serving[turn % Math.max(1, serving.length)]?.name;
}

const pageSchema = z.object({
  messages: z.object({
    edges: z.array(z.object({ node: z.object({ id: z.string() }) })),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  }),
});
const pageQuery = `query ($topic: String!, $after: String) { messages(topic: $topic, first: 100, after: $after) {
  edges { node { id } } pageInfo { hasNextPage endCursor }
} }`;

async function idsIn(client: WebClient, topic: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let after: string | null = null; ; ) {
    const { messages }: z.infer<typeof pageSchema> = await client.query(pageSchema, pageQuery, { topic, after });
    for (const { node } of messages.edges) ids.add(node.id);
    if (!messages.pageInfo.hasNextPage) return ids;
    after = messages.pageInfo.endCursor;
  }
}
