/** Publishes through one API, and reads at another node what was published. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@grapevine/shared/clock.ts';
import { requestIdHeader } from '@grapevine/shared/http/problem-handler.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { z } from 'zod';
import { freeBasePort } from '../../fixtures/free-base-port.ts';
import { readIdentityKey } from '../../fixtures/key-files.ts';
import { type Answer, request } from '../clients.ts';
import { NodeFamily } from '../node-process.ts';
import { BffProcess } from './bff-process.ts';
import { NodeTaps } from './node-tap.ts';

export interface PairsReport {
  readonly pairs: number;
  /** By "API > API": how many were published and read that way. */
  readonly ways: Readonly<Record<string, number>>;
  /** By "node > node": where they were written and read. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Reads that were told to come again, since no node that may answer was far enough in time; none on a machine with time to spare. */
  notYet: number;
}

/** Pairs under way at once: some reads then meet nodes that are busy with other writes. */
const concurrency = 8;
/** A read waits a second or two each time: far longer than gossip takes on the busiest machine. */
const maxAsked = 20;
const nodes = [1, 2, 3];

interface Written {
  readonly id: string;
  readonly token: string;
}

/** What a pair needs of an API. */
interface Api {
  readonly name: string;
  publish(topic: string, body: string, requestId: string): Promise<Written>;
  /** Ids of a topic's newest messages. */
  newest(topic: string, token: string, requestId: string): Promise<readonly string[]>;
}

/**
 * Runs `pairs` of a publish and a read with its token, by both APIs in turn, on a fresh cluster in `folder`. Every read is kept from the
 * node that took the write. Throws when one misses its write.
 */
export async function readYourWrites(folder: string, pairs: number): Promise<PairsReport> {
  await using stack = new AsyncDisposableStack();
  const family = stack.use(await NodeFamily.create({ dataDir: folder, basePort: await freeBasePort(nodes.length) }));
  const taps = stack.use(new NodeTaps());
  for (const { api } of await Promise.all(nodes.map((number) => family.start(number))))
    await taps.add(api.name, api.url);
  const [edgeKeyFile, clusterKeyFile] = [join(folder, 'edge.key'), join(folder, 'cluster.key')];
  await writeFile(edgeKeyFile, 'the passphrase of an edge under test\n');
  const options = { edgeKeyFile, clusterKeyFile, seeds: taps.urls };
  const [web, mobile] = await Promise.all([
    BffProcess.start('bff-web', options),
    BffProcess.start('bff-mobile', options),
  ]);
  stack.use(web);
  stack.use(mobile);
  const signer = new IdentitySigner(readIdentityKey(edgeKeyFile, 'edge-identity'), 'bff', systemClock);
  const headers = (requestId: string, more: Record<string, string> = {}): Record<string, string> => ({
    [identityHeader]: signer.sign({ subject: 'ada', scopes: ['messages:read', 'messages:write'] }),
    [requestIdHeader]: requestId,
    ...more,
  });
  const apis = [webApi(web.url, headers), mobileApi(mobile.url, headers)];
  const report = { pairs, ways: {}, nodes: {}, notYet: 0 };
  const runPair = async (pair: number): Promise<void> => {
    const [writer, reader] = [apis[pair % 2], apis[(pair >> 1) % 2]];
    assert.ok(writer !== undefined && reader !== undefined);
    const topic = `pairs/${pair % 16}`;
    const { id, token } = await writer.publish(topic, `pair ${pair}`, `write-${pair}`);
    const wrote = taps.take(`write-${pair}`);
    assert.ok(wrote !== undefined);
    taps.bar(wrote, `read-${pair}`);
    const found = await untilCovered(() => reader.newest(topic, token, `read-${pair}`), report);
    const read = taps.take(`read-${pair}`);
    assert.ok(found.includes(id), `pair ${pair}: written at ${wrote}, not found at ${read}`);
    assert.ok(read !== undefined && read !== wrote, `pair ${pair}: written at ${wrote}, read at ${read}`);
    count(report.ways, `${writer.name} > ${reader.name}`);
    count(report.nodes, `${wrote} > ${read}`);
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < pairs) await runPair(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return report;
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

type Headers = (requestId: string, more?: Record<string, string>) => Record<string, string>;

const publishedSchema = z.object({
  data: z.object({ publish: z.object({ message: z.object({ id: z.string() }), consistencyToken: z.string() }) }),
});
const pageSchema = z.object({
  data: z.object({ messages: z.object({ edges: z.array(z.object({ node: z.object({ id: z.string() }) })) }) }),
});

/** The newest messages of a topic that are looked at: many more than are published while a pair is under way. */
const newest = 50;

function webApi(url: string, headers: Headers): Api {
  const ask = async (query: string, variables: object, requestId: string): Promise<unknown> =>
    bodyOf(await request(`${url}/web/graphql`, { json: { query, variables }, headers: headers(requestId) }));
  return {
    name: 'web',
    async publish(topic, body, requestId) {
      const mutation =
        'mutation ($input: PublishInput!) { publish(input: $input) { message { id } consistencyToken } }';
      const { publish } = publishedSchema.parse(await ask(mutation, { input: { topic, body } }, requestId)).data;
      return { id: publish.message.id, token: publish.consistencyToken };
    },
    async newest(topic, consistencyToken, requestId) {
      const query = `query ($topic: String!, $consistencyToken: String) {
        messages(topic: $topic, last: ${newest}, consistencyToken: $consistencyToken) { edges { node { id } } } }`;
      const { messages } = pageSchema.parse(await ask(query, { topic, consistencyToken }, requestId)).data;
      return messages.edges.map(({ node }) => node.id);
    },
  };
}

function mobileApi(url: string, headers: Headers): Api {
  const messagesOf = (topic: string): string => `${url}/mobile/v1/topics/${encodeURIComponent(topic)}/messages`;
  return {
    name: 'mobile',
    async publish(topic, body, requestId) {
      const answer = await request(messagesOf(topic), { json: { body }, headers: headers(requestId) });
      return z.object({ id: z.string(), token: z.string() }).parse(bodyOf(answer));
    },
    async newest(topic, token, requestId) {
      const answer = await request(`${messagesOf(topic)}?before=end&limit=${newest}`, {
        headers: headers(requestId, { 'grapevine-consistency': token }),
      });
      const { items } = z.object({ items: z.array(z.object({ id: z.string() })) }).parse(bodyOf(answer));
      return items.map(({ id }) => id);
    },
  };
}

class NotYet extends Error {}

/** Asks again after an honest "not yet", for which the nodes have waited; anything else is a failure. */
async function untilCovered<Found>(read: () => Promise<Found>, report: PairsReport): Promise<Found> {
  for (let asked = 1; ; asked++) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof NotYet) || asked === maxAsked) throw error;
      report.notYet++;
    }
  }
}

function bodyOf({ status, body }: Answer): unknown {
  if (status === 409) throw new NotYet();
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`);
  return body;
}
