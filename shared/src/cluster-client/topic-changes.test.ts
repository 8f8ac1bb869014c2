import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../contracts/consistency-token.ts';
import { ada, startClient, until } from './cluster-client.fixture.ts';
import type { ClusterClient } from './cluster-client.ts';
import type { TopicState } from './topic-changes.ts';

async function publish(client: ClusterClient, topic: string): Promise<void> {
  await client.publish(ada, { messages: [{ topic, body: 'x' }] });
}

/** What an answer about a topic that is asked for now is built from. */
async function read(client: ClusterClient, topic: string): Promise<TopicState> {
  const page = await client.messages(ada, topic, { limit: 1 });
  return { topic, digest: page.topic.digest, vector: decodeToken(page.token) };
}

test('what was read of a topic stands until that topic changes, and not those of others', async () => {
  await using under = await startClient();
  const { client } = under;
  await publish(client, 'a');
  await using changes = new Followed(client);
  await until(() => changes.of.live);
  const [a, b] = [await read(client, 'a'), await read(client, 'b')];
  assert.ok(changes.of.stands(a) && changes.of.stands(b));
  await publish(client, 'a');
  await until(() => !changes.of.stands(a));
  assert.ok(changes.of.stands(b));
  const again = await read(client, 'a');
  assert.ok(changes.of.stands(again));
});

test('nothing stands before a node is followed, nor what is older than its present', async () => {
  await using under = await startClient();
  const { client } = under;
  await publish(client, 'a');
  const early = await read(client, 'a');
  await publish(client, 'b');
  await using changes = new Followed(client);
  assert.equal(changes.of.stands(early), false);
  await until(() => changes.of.live);
  assert.equal(changes.of.stands(early), false, 'perhaps the topic has changed since');
  assert.ok(changes.of.stands(await read(client, 'a')));
});

test('goes on at another node when the one that it follows dies', async () => {
  await using under = await startClient();
  const { client, cluster } = under;
  await using changes = new Followed(client);
  await until(() => changes.of.live);
  const kept = await read(client, 'a');
  const followed = cluster.nodes.find(({ openFeeds }) => openFeeds === 1);
  assert.ok(followed !== undefined);
  followed.state = 'dead';
  await followed.stop();
  await until(() => !changes.of.live);
  assert.equal(changes.of.stands(kept), false);
  await until(() => changes.of.live);
  await publish(client, 'a');
  await until(() => !changes.of.stands(kept));
});

test('a watch wakes for its topics only, also for what came before the wait, and when the node is lost', async () => {
  await using under = await startClient();
  const { client, cluster } = under;
  await using changes = new Followed(client);
  await until(() => changes.of.live);
  using watch = changes.of.watch(new Set(['a']));
  using other = changes.of.watch(new Set(['never']));
  using all = changes.of.watch(new Set());
  let woken = false;
  void other.changed(60_000, undefined).then(() => {
    woken = true;
  });
  await publish(client, 'a');
  await watch.changed(60_000, undefined);
  await all.changed(60_000, undefined);
  assert.equal(woken, false);
  const waiting = watch.changed(60_000, undefined);
  for (const node of cluster.nodes) await node.stop();
  await waiting;
  await until(() => woken);
});

test('stops while it waits for a node', async () => {
  await using under = await startClient();
  const { client, cluster } = under;
  for (const node of cluster.nodes) await node.stop();
  const changes = client.followChanges();
  await changes.stop();
  assert.equal(changes.live, false);
});

/** Changes that are followed until the end of a test. */
class Followed implements AsyncDisposable {
  readonly of: ReturnType<ClusterClient['followChanges']>;

  constructor(client: ClusterClient) {
    this.of = client.followChanges();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.of.stop();
  }
}
