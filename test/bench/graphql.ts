import { deepEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@grapevine/shared/clock.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { z } from 'zod';
import { NodeFamily } from '../e2e/node-process.ts';
import { freeBasePort } from '../fixtures/free-base-port.ts';
import { readIdentityKey } from '../fixtures/key-files.ts';
import type { Benchmark, Contender } from './harness.ts';
import { keyFiles } from './proxies/bearers.ts';
import { type ProxyProcess, startNode } from './proxies/contenders.ts';
import { putScript } from './proxies/load.ts';
import { installRivals } from './rivals.ts';

const yogaName = 'graphql-yoga, default';
const load = { connections: 64, seconds: 4 };
const messages = 50;
const query = `query ($topic: String!) { messages(topic: $topic, last: ${messages}) {
  edges { cursor node { id author body seq createdAt } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
} }`;
const question = JSON.stringify({ query, variables: { topic: 'bench' } });
/** The same question each time in words that no answer is kept of: a variable that the document does not use. */
const freshQuestion = JSON.stringify({ query, variables: { topic: 'bench', nonce: '@' } });
const ourPath = '/web/graphql';

const answerSchema = z.object({
  data: z.object({ messages: z.object({ edges: z.array(z.unknown()).length(messages) }) }),
});

/**
 * What a page costs the server's process. All of them ask the same node for it by the same client library; the others for
 * each answer, ours for those that are new. Ours also checks who asks and what the node answers, keeps its limits, writes its log and
 * counts.
 */
export const graphql: Benchmark = {
  name: 'graphql',
  title: `CPU time of the server per page of ${messages} messages from a node, ${load.connections} connections`,
  figures: [
    { what: 'while the topic stands', unit: 'µs', better: 'lower', targets: [{ against: yogaName, must: 5, aim: 8 }] },
    { what: 'when the answer is new', unit: 'µs', better: 'lower', targets: [{ against: yogaName, must: 2, aim: 4 }] },
  ],
  rounds: 5,
  prepare: async () => {
    installRivals((line) => console.error(line));
    const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-'));
    const family = await NodeFamily.create({ dataDir: folder, basePort: await freeBasePort(1) });
    const node = await family.start(1);
    const body = 'A message of about a hundred bytes, such as people and machines tend to send. '.padEnd(100, '.');
    await node.api.publish({ messages: Array.from({ length: messages }, () => ({ topic: 'bench', body })) });
    const keys = keyFiles(folder);
    const settings = {
      GRAPEVINE_SECRETS__EDGE_KEY_FILE: keys['GRAPEVINE_SECRETS__EDGE_KEY_FILE'] ?? '',
      GRAPEVINE_SECRETS__CLUSTER_KEY_FILE: join(folder, 'cluster.key'),
      GRAPEVINE_BFF_WEB__PORT: '0',
      GRAPEVINE_BFF_WEB__SEEDS: JSON.stringify([node.api.url]),
    };
    const main = new URL('../../bff-web/src/main.ts', import.meta.url);
    const ours = await startNode('grapevine bff-web', main, [], join(folder, 'bff-web.log'), settings);
    const edgeKey = readIdentityKey(settings.GRAPEVINE_SECRETS__EDGE_KEY_FILE, 'edge-identity');
    const signer = new IdentitySigner(edgeKey, 'bff', systemClock);
    const identity = (): string => signer.sign({ subject: 'bench', scopes: ['messages:read'] });
    const rival = new URL('./graphql/rival-server.ts', import.meta.url);
    const startRival = (name: string, kind: string): Promise<ProxyProcess> =>
      startNode(
        name,
        rival,
        [kind, node.api.url, settings.GRAPEVINE_SECRETS__CLUSTER_KEY_FILE],
        join(folder, `${kind}.log`),
        {},
      );
    const rivals = [
      { path: '/graphql', process: await startRival(yogaName, 'yoga') },
      { path: '/graphql', process: await startRival('mercurius with jit', 'mercurius') },
      { path: '/', process: await startRival('Apollo Server', 'apollo') },
    ];
    const scriptFile = join(folder, 'load.lua');
    const cost = async (server: ProxyProcess, path: string, text: string): Promise<number> =>
      (await putScript(server, { ...load, path }, wrkScript(path, text, identity()), scriptFile)).cpuPerRequest;
    const contenders: Contender[] = [
      {
        name: ours.name,
        run: async () => [await cost(ours, ourPath, question), await cost(ours, ourPath, freshQuestion)],
      },
      ...rivals.map(({ path, process }) => ({
        name: process.name,
        run: async () => {
          const figure = await cost(process, path, question);
          return [figure, figure];
        },
      })),
    ];
    const answers = await Promise.all(
      [{ path: ourPath, process: ours }, ...rivals].map(({ path, process: { port } }) =>
        readPage(port, path, identity()),
      ),
    );
    for (const answer of answers) deepEqual(answer, answers[0]);
    // Until the compiler has seen it all, it works on other threads of the same process, whose time would count.
    for (let round = 0; round < 2; round++) for (const contender of contenders) await contender.run();
    return {
      contenders,
      close: async () => {
        for (const { child } of [ours, ...rivals.map(({ process }) => process)]) child.kill();
        await family[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

/** The page, which all of them must answer alike. */
async function readPage(port: number, path: string, identity: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json', [identityHeader]: identity };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: question });
  return answerSchema.parse(await response.json()).data.messages;
}

/** POSTs `text`, in which each `@` becomes another number in every request. */
function wrkScript(path: string, text: string, identity: string): string {
  const headers = `{ Host = "127.0.0.1", ["Content-Type"] = "application/json", ["${identityHeader}"] = "${identity}" }`;
  const before = `local headers, text, at = ${headers}, [==[${text}]==], 0`;
  if (!text.includes('@')) {
    return `${before}\nlocal made\nfunction init(args) made = wrk.format("POST", "${path}", headers, text) end\nfunction request() return made end`;
  }
  return [
    before,
    'local from = os.time() * 1000000',
    'function request()',
    '  at = at + 1',
    `  return wrk.format("POST", "${path}", headers, (text:gsub("@", from + at)))`,
    'end',
  ].join('\n');
}
