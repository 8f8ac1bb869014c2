import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Message } from '@grapevine/shared/contracts/node-api.ts';
import { MobileClient, WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';
import { type PublishedMessage, Publisher } from './publishers.ts';

const topic = 'crash';
const victim = 'node-2';
const kills = 3;
/** Messages accepted between two kills: the cluster has to work, not only to stand. */
const messagesBetweenKills = 100;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let nodes: readonly NodeApi[];
let publishers: readonly Publisher[];
/** Ids that a subscription through the gateway brought, in order of arrival. */
const streamed: string[] = [];

/** Everything happens here once; the tests below look at it from different sides. */
before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  cluster = resources.adopt(await startCluster({ dataDir, environment: withoutRateLimits() }), stopCluster);
  nodes = nodeApis(cluster);
  const { gateway, tokens } = cluster;
  const web = new WebClient(gateway, tokens.web);
  const mobile = new MobileClient(gateway, tokens.mobile);
  const subscription = await subscribe(web);
  publishers = [
    new Publisher({ name: 'web', client: web, topic, acks: 1, keyed: false }),
    new Publisher({ name: 'web-keyed', client: web, topic, acks: 1, keyed: true }),
    new Publisher({ name: 'web-two-acks', client: web, topic, acks: 2, keyed: true }),
    new Publisher({ name: 'mobile', client: mobile, topic, acks: 1, keyed: false }),
    new Publisher({ name: 'mobile-keyed', client: mobile, topic, acks: 1, keyed: true }),
    new Publisher({ name: 'mobile-two-acks', client: mobile, topic, acks: 2, keyed: true }),
  ];
  const enough = new AbortController();
  const running = publishers.map((publisher) => publisher.run(enough.signal));
  await Promise.race([Promise.all(running), killRepeatedly()]);
  enough.abort();
  await Promise.all(running);
  await untilRootsEqual(nodes);
  await until('the subscription has caught up', () => {
    const seen = new Set(streamed);
    return accepted().every(({ id }) => seen.has(id));
  });
  subscription.abort();
});

function withoutRateLimits(): Record<string, string> {
  const high = '{perSecond: 100000, burst: 100000}';
  return { GRAPEVINE_GATEWAY__RATE_LIMIT__PRINCIPAL: high, GRAPEVINE_GATEWAY__RATE_LIMIT__ADDRESS: high };
}

function accepted(): readonly PublishedMessage[] {
  return publishers.flatMap((publisher) => publisher.accepted);
}

async function killRepeatedly(): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    const before = accepted().length;
    await until('the cluster accepts messages', () => accepted().length >= before + messagesBetweenKills);
    await cluster.killAndAwait(victim);
  }
}

/** Follows the topic in the background; resolves once the first message has come through. */
async function subscribe(client: WebClient): Promise<AbortController> {
  const controller = new AbortController();
  const messages = await client.subscribe(topic, controller.signal);
  const follow = async (): Promise<void> => {
    for await (const { id } of messages) streamed.push(id);
  };
  follow().catch(() => {});
  await until('the subscription stands', async () => {
    await client.publish({ topic: topic, body: 'probe' });
    return streamed.length > 0;
  });
  return controller;
}

test('nobody who sent an idempotency key saw an error, and others only one that leaves the outcome open', () => {
  for (const { name, keyed, failures } of publishers) {
    if (keyed) assert.deepEqual(failures, [], `${name} saw ${failures.length} errors`);
    const unexpected = failures.filter(({ code }) => code !== 'UPSTREAM_FAILED' && code !== 'UPSTREAM_TIMEOUT');
    assert.deepEqual(unexpected, [], name);
  }
});

test('every node holds every accepted message, in the same order, none twice', async () => {
  const ids = accepted().map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'two messages were accepted under one id');
  const topics = await Promise.all(nodes.map((node) => node.topic(topic)));
  const [first = []] = topics;
  for (const [i, messages] of topics.entries()) {
    assert.deepEqual(idsOf(messages), idsOf(first), `${nodes[i]?.name} shows the topic differently`);
  }
  const bodies = first.filter(({ body }) => body !== 'probe').map(({ body }) => body);
  assert.equal(new Set(bodies).size, bodies.length, 'a message is there twice');
  const known = new Set(bodies);
  const missing = accepted().filter(({ client, number }) => !known.has(`${client} ${number}`));
  assert.deepEqual(missing, [], 'accepted messages are not in the topic');
  for (const node of nodes) {
    const found = await node.messages(ids);
    const lost = ids.filter((_, i) => found[i] === null);
    assert.deepEqual(lost, [], `${node.name} lost accepted messages`);
  }
});

test('what one client published through one origin stands in the order of its publishing', async () => {
  const numbers = new Map<string, number>();
  for (const { origin, seq, client, number } of [...accepted()].sort((a, b) => a.seq - b.seq)) {
    const key = `${origin} ${client}`;
    assert.ok(number > (numbers.get(key) ?? -1), `${client} ${number} has seq ${seq} of ${origin}`);
    numbers.set(key, number);
  }
  const sequences = new Map<string, number>();
  for (const { origin, seq } of (await nodes[0]?.topic(topic)) ?? []) {
    assert.ok(seq > (sequences.get(origin) ?? -1), `${origin} ${seq} is out of order in the topic`);
    sequences.set(origin, seq);
  }
});

test('both public APIs show accepted messages, those of the killed node included', async () => {
  const { gateway, tokens } = cluster;
  const clients = [new WebClient(gateway, tokens.web), new MobileClient(gateway, tokens.mobile)];
  const origins = Map.groupBy(accepted(), ({ origin }) => origin);
  assert.equal(origins.size, nodes.length, 'every node took messages');
  for (const messages of origins.values()) {
    for (const { id, client: name, number } of [...messages.slice(0, 5), ...messages.slice(-5)]) {
      for (const client of clients) assert.equal((await client.message(id))?.body, `${name} ${number}`);
    }
  }
});

test('a subscription brought each message once, across the deaths of the node that served it', () => {
  assert.equal(new Set(streamed).size, streamed.length, 'a message came twice');
});

test('the operator sees equal replicas', async () => {
  const { ending, stdout, stderr } = await grapevine('status', '--json', '--data-dir', cluster.dataDir);
  assert.equal(ending, 0, stderr);
  assert.equal(JSON.parse(stdout).verdict, 'equal');
});

test('after a stop every data folder is sound and holds the same', async () => {
  assert.equal(await cluster.stop(), 0, await cluster.errors());
  assert.deepEqual(await cluster.fatalLogLines(), []);
  const origins: unknown[] = [];
  for (const { name } of nodes) {
    const { ending, stdout, stderr } = await grapevine('fsck', '--json', join(cluster.dataDir, name));
    assert.equal(ending, 0, `${name}: ${stdout}${stderr}`);
    const report = JSON.parse(stdout);
    assert.deepEqual(report.problems, []);
    origins.push(report.origins.map(({ origin, size, root }: Record<string, unknown>) => ({ origin, size, root })));
  }
  for (const list of origins) assert.deepEqual(list, origins[0]);
});

function idsOf(messages: readonly Message[]): string[] {
  return messages.map(({ id }) => id);
}
