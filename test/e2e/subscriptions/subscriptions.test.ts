import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { WebClient } from '../clients.ts';
import { type Cluster, startCluster, temporaryFolder } from '../cluster.ts';
import { until } from '../until.ts';
import { killServingNodes, openStreams } from './kill-serving-nodes.ts';
import { eventsOf, Subscriber, webSocketOf } from './subscribers.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let cluster: Cluster;
before(async () => {
  folder = await temporaryFolder();
  cluster = await startCluster({ dataDir: folder.path });
});
after(async () => {
  await cluster.stop();
  await folder[Symbol.asyncDispose]();
});

const transports = [eventsOf, webSocketOf];

test('a client that comes back goes on from its last token, and one that leaves ends its stream in the node', async () => {
  const client = new WebClient(cluster.gateway, cluster.tokens.web);
  for (const open of transports) {
    const subscriber = new Subscriber(open(cluster), `drops/${open.name}`);
    await until('the subscription is open', async () => (await openStreams(cluster)) === 1);
    const ids = new Set<string>();
    for (let i = 0; i < 30; i++) {
      const { id } = await client.publish({ topic: `drops/${open.name}`, body: `m${i}` });
      ids.add(id);
      await until('it arrives', () => subscriber.received.some((message) => message.id === id));
      if (i % 10 === 5) await subscriber.comeBack();
    }
    subscriber.check(ids);
    assert.ok(subscriber.resumed >= 3);
    await subscriber.stop();
    await until('the node serves nobody', async () => (await openStreams(cluster)) === 0);
  }
});

test('nobody opens a WebSocket without a token', async () => {
  const socket = new WebSocket(`${cluster.gateway.replace('http', 'ws')}/web/graphql`, 'graphql-transport-ws');
  const status = await new Promise((resolve, reject) => {
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode);
    });
    socket.once('open', reject);
    socket.on('error', () => undefined);
  });
  assert.equal(status, 401);
});

test('the death of the node that serves a subscription goes unnoticed by its clients', async () => {
  const { resumed } = await killServingNodes(cluster, 3);
  assert.deepEqual(resumed, { 'graphql-sse': 0, 'graphql-ws': 0 });
});
