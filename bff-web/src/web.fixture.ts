/** The service as its tests use it: a listening server before a cluster of in-memory nodes. */
import { systemClock } from '@grapevine/shared/clock.ts';
import { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { TopicChanges } from '@grapevine/shared/cluster-client/topic-changes.ts';
import { type Config, configSchema } from '@grapevine/shared/config/schema.ts';
import {
  type Identity,
  IdentitySigner,
  IdentityVerifier,
  identityHeader,
} from '@grapevine/shared/identity/identity.ts';
import { fixedKey } from '@grapevine/shared/identity/identity-keys.ts';
import { scopes } from '@grapevine/shared/identity/scopes.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { createMetrics } from '@grapevine/shared/metrics.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { type FakeCluster, startFakeCluster } from '@grapevine/test/fixtures/fake-node.ts';
import { graphqlPath } from './graphql-endpoint.ts';
import { FigureRing } from './history/figures.ts';
import { WebMetrics } from './metrics.ts';
import { startWebServer } from './server.ts';

const edgeKeys = fixedKey(new Uint8Array(32).fill(1));
const nodeKeys = fixedKey(new Uint8Array(32).fill(2));

export interface GraphAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Record<string, unknown> | null | undefined;
  readonly errors: readonly GraphErrorJson[];
}

export interface GraphErrorJson {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly retryAfter?: number };
}

export interface WebUnderTest {
  readonly cluster: FakeCluster;
  /** The client's view of which topics have changed. */
  readonly changes: TopicChanges;
  /** What the console plots. */
  readonly figures: FigureRing;
  readonly url: string;
  /** Lines that the service logged, parsed. */
  readonly logged: readonly Record<string, unknown>[];
  /** Runs a document as somebody with every scope, or as `identity`. */
  graph(query: string, variables?: Record<string, unknown>, identity?: Partial<Identity>): Promise<GraphAnswer>;
  /** Sends any request to the GraphQL address; without an identity unless `headers` bring one. */
  request(init: RequestInit & { readonly query?: string }): Promise<Response>;
  /** An identity header as the gateway makes it. */
  identity(identity?: Partial<Identity>): Record<string, string>;
  stop(): Promise<void>;
}

export async function startWeb(
  nodes = 3,
  config: Partial<Config['bffWeb']> & { readonly seeds?: string[] } = {},
): Promise<WebUnderTest> {
  const cluster = await startFakeCluster(nodes, nodeKeys);
  const logged: Record<string, unknown>[] = [];
  const registry = createMetrics('bff-web', 'test');
  const metrics = new WebMetrics(registry);
  const client = new ClusterClient({
    name: 'bff-web',
    seeds: config.seeds ?? cluster.seeds,
    signer: new IdentitySigner(nodeKeys, 'node', systemClock),
    clock: systemClock,
    random: new SeededRandom(1),
    requestTimeoutMs: config.requestTimeoutMs ?? 8_000,
    onAttempt: metrics.timeAttempt,
  });
  const changes = client.followChanges();
  const figures = new FigureRing();
  const destination = { write: (line: string) => logged.push(JSON.parse(line)) };
  const http = await startWebServer(
    {
      cluster: client,
      figures,
      changes,
      verifier: new IdentityVerifier(edgeKeys, 'bff', systemClock),
      clock: systemClock,
      log: createLogger({ name: 'bff-web', level: 'info', destination }),
      registry,
      metrics,
      config: { ...configSchema.parse({}).bffWeb, port: 0, ...config },
    },
    'bff-web',
  );
  const signer = new IdentitySigner(edgeKeys, 'bff', systemClock);
  const identity = ({ subject = 'ada', scopes: granted = scopes }: Partial<Identity> = {}) => ({
    [identityHeader]: signer.sign({ subject, scopes: granted }),
  });
  const request: WebUnderTest['request'] = ({ query = '', ...init }) => fetch(http.url + graphqlPath + query, init);
  return {
    cluster,
    changes,
    figures,
    url: http.url,
    logged,
    identity,
    request,
    async graph(query, variables = {}, who = {}) {
      const headers = { 'content-type': 'application/json', ...identity(who) };
      const response = await request({ method: 'POST', headers, body: JSON.stringify({ query, variables }) });
      const { data, errors = [] } = (await response.json()) as Partial<GraphAnswer>;
      return { status: response.status, headers: response.headers, data, errors };
    },
    async stop() {
      await http.stop();
      await changes.stop();
      await client.stop();
      await cluster.stop();
    },
  };
}
