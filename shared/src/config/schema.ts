/** `grapevine.yaml`: one section per service. Every option states its unit and default, and what raising it costs. */
import { z } from 'zod';
import { limits } from '../contracts/limits.ts';
import { baseUrl, file, host, hostPort, largestRequestBytes, nodeHost, port, tls } from './fields.ts';
import { gateway } from './gateway-schema.ts';
import { registry } from './registry-schema.ts';

const log = z
  .strictObject({
    level: z
      .enum(['silent', 'error', 'warn', 'info', 'debug', 'trace'])
      .default('info')
      .describe('Lowest level that is printed.'),
  })
  .prefault({});

const tracing = z
  .strictObject({
    endpoint: baseUrl
      .optional()
      .describe(
        'Where spans go by OTLP/HTTP, such as http://127.0.0.1:4318/v1/traces. Without it nothing is traced, and nothing of it is loaded.',
      ),
    ratio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe(
        'Share of requests that begin a trace when the client sends none; of those that it sends, its sampled flag decides. Higher: more work for every process and the collector.',
      ),
  })
  .prefault({});

const secrets = z
  .strictObject({
    clusterKeyFile: file
      .default('data/secrets/cluster.key')
      .describe(
        'Passphrases that seal gossip and vouch for BFFs to nodes, one a line: the first seals, all open. The same on every node and BFF; read again when it changes.',
      ),
    edgeKeyFile: file
      .default('data/secrets/edge.key')
      .describe('As above, by which the gateway vouches for callers to the BFFs.'),
    rotateAfterMs: z
      .int()
      .min(3_000)
      .max(7 * 86_400_000)
      .default(30_000)
      .describe(
        'A passphrase that is new in such a file opens at once and seals after so long; one that is gone opens for twice as long. Must be twice the time in which every process gets to see a changed file. Higher: a key that leaked stays good for longer.',
      ),
  })
  .prefault({});

const gossip = z
  .strictObject({
    intervalMs: z
      .int()
      .min(10)
      .max(60_000)
      .default(200)
      .describe('Milliseconds between pulls, ±20 %. Higher: less idle traffic, slower repair of lost datagrams.'),
    fanout: z
      .int()
      .min(1)
      .max(16)
      .default(2)
      .describe('Peers asked in each interval. Higher: faster spread, proportionally more idle traffic.'),
    maxDatagramBytes: z
      .int()
      .min(576)
      .max(65_507)
      .optional()
      .describe(
        'Largest datagram. Larger: fewer of them for as much, each at about the same cost; above the path MTU the network fragments it, and one lost fragment loses it all. Default: 1400; on a loopback address 24000, or 8192 where the system sends no larger ones.',
      ),
    catchUpBytes: z
      .int()
      .min(16 * 1024)
      .max(1024 * 1024 * 1024)
      .default(4 * 1024 * 1024)
      .describe(
        'Bytes that a node lacks of what a peer holds from which on it streams them over HTTP. Higher: longer on datagrams.',
      ),
    insecure: z
      .boolean()
      .default(false)
      .describe('Sends and takes datagrams unsealed. For experiments on one machine only.'),
    suspectAfterMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(2_000)
      .describe(
        'A member that leaves questions unanswered for so long is suspect. Higher: fewer false alarms, slower detection.',
      ),
    deadAfterMs: z
      .int()
      .min(200)
      .max(3_600_000)
      .default(10_000)
      .describe(
        'A suspect member that stays silent for so long is dead and only probed now and then. In large clusters it takes as long as news needs to get around and back, if that is longer.',
      ),
    forgetAfterMs: z
      .int()
      .min(10_000)
      .max(30 * 86_400_000)
      .default(3_600_000)
      .describe(
        'A member that has been dead, or has left, for so long is forgotten. Higher: the halves of a split cluster find each other after longer splits, and members that are gone for good stay in the list.',
      ),
  })
  .prefault({});

const scrub = z
  .strictObject({
    bytesPerSecond: z
      .int()
      .min(16 * 1024)
      .max(1024 * 1024 * 1024)
      .default(1024 * 1024)
      .describe(
        'Stored bytes that are read and checked per second, a quarter of it under load. 1 MiB takes about 4 % of a processor: a pass over 1,000,000 messages of 256 bytes is 22 s of its time within 10 minutes. Higher: damage is found sooner, for more of the processor and the disk.',
      ),
    compareMs: z
      .int()
      .min(100)
      .max(24 * 3_600_000)
      .default(30_000)
      .describe('Milliseconds between two comparisons with a random peer, ±50 %. Lower: forks are found sooner.'),
    pauseMs: z
      .int()
      .min(100)
      .max(7 * 24 * 3_600_000)
      .default(60_000)
      .describe('Milliseconds between two checks of everything. Lower: small stores are read again and again.'),
  })
  .prefault({});

/** Ten years: far beyond any need, and in seconds still four bytes. */
const maxRetentionSeconds = 10 * 366 * 24 * 3_600;
/** Twice the largest message: one that was just published must not go at once. */
const minRetentionBytes = 2 * 1024 * 1024;

const retentionRule = z.strictObject({
  topics: z
    .string()
    .regex(/^([A-Za-z0-9._:/-]{1,200}|[A-Za-z0-9._:/-]{0,199}\*)$/, 'expected a topic name, or how one begins and a *')
    .describe('A topic name, or the beginning of some followed by *; * alone is every topic.'),
  maxAgeSeconds: z
    .int()
    .min(1)
    .max(maxRetentionSeconds)
    .optional()
    .describe('Bodies of older messages are erased. Higher: more disk.'),
  maxBytes: z
    .int()
    .min(minRetentionBytes)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Each topic keeps the newest messages that fit; bodies of the others are erased. Higher: more disk.'),
});
export type RetentionRule = z.output<typeof retentionRule>;

const node = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9-]{1,63}$/)
      .default('node-1')
      .describe('Unique name in the cluster.'),
    host: nodeHost.default('127.0.0.1').describe('Address to listen on, HTTP and UDP.'),
    advertiseHost: nodeHost.optional().describe('Address that others use to reach this node; `host` when absent.'),
    httpPort: port.min(1).default(7_101),
    udpPort: port.min(1).default(7_201),
    tls: tls.describe(
      'Serves HTTPS only, shows this certificate to peers too, and serves the API only to callers with one of `caFile`. The files are read again when they change.',
    ),
    dataDir: file.default('data/node-1').describe('Folder of this node alone: log, views, origin key.'),
    seeds: z.array(hostPort).max(1_024).default([]).describe('UDP addresses of nodes to start from.'),
    registry,
    gossip,
    scrub,
    maxBodyBytes: z
      .int()
      .min(1)
      .max(1024 * 1024)
      .default(limits.messageBodyBytes)
      .describe('Largest message body in bytes. Higher: larger segments, more datagrams lost together.'),
    queueBytes: z
      .int()
      .min(1024 * 1024)
      .max(1024 * 1024 * 1024)
      .default(32 * 1024 * 1024)
      .describe(
        'Bytes of accepted but not yet committed messages; beyond it publishes get 503. Higher: more memory, longer waits.',
      ),
    retention: z
      .array(retentionRule)
      .max(64)
      .default([])
      .describe(
        'How long messages are kept. The first rule that names a topic counts; without bounds it keeps all, as does no rule. The same on every node, or they show different messages.',
      ),
  })
  .prefault({});

const bff = (defaultPort: number) => ({
  host: host.default('127.0.0.1'),
  port: port.default(defaultPort),
  seeds: z
    .array(baseUrl)
    .max(1_024)
    .default(['http://127.0.0.1:7101'])
    .describe('HTTP base URLs of some nodes; the rest is found through their membership.'),
  nodeTls: tls.describe('As `node.tls`, for calls to nodes: needed where they want TLS.'),
  requestTimeoutMs: z
    .int()
    .min(100)
    .max(120_000)
    .default(10_000)
    .describe('Total time for one call to the cluster, retries included.'),
  maxRequestBytes: z
    .int()
    .min(1_024)
    .max(64 * 1024 * 1024)
    .default(largestRequestBytes)
    .describe('Largest request body in bytes; larger ones get 413.'),
});

const bffWeb = z
  .strictObject({
    ...bff(8_081),
    mode: z
      .enum(['development', 'production'])
      .default('development')
      .describe('development: GraphiQL and introspection are on.'),
    maxDepth: z.int().min(2).max(100).default(12).describe('Deepest selection in a GraphQL document.'),
    maxAliases: z.int().min(1).max(1_000).default(30).describe('Aliases in a GraphQL document.'),
    maxTokens: z.int().min(100).max(100_000).default(2_000).describe('Lexical tokens in a GraphQL document.'),
    maxCost: z
      .int()
      .min(10)
      .max(1_000_000)
      .default(5_000)
      .describe('Cost of a GraphQL document; one field of one item costs 1.'),
    gatewayMetrics: baseUrl
      .optional()
      .describe(
        'Metrics of the gateway, such as http://127.0.0.1:9080/metrics, of which the console shows the last quarter of an hour. Without it the console tells of the nodes only.',
      ),
    persistedOperationsFile: file
      .optional()
      .describe(
        'JSON of GraphQL documents by their SHA-256, which clients may name instead of sending them. Read at start.',
      ),
    persistedOnly: z
      .boolean()
      .default(false)
      .describe(
        'Whether only documents of persistedOperationsFile are executed. True: nobody else can ask anything new.',
      ),
    slowReaderMs: z
      .int()
      .min(1_000)
      .max(600_000)
      .default(20_000)
      .describe(
        'Longest that a subscriber may take over one event, in milliseconds, before it is cut with SLOW_READER. Raising it holds up to 1 MiB at a node for longer.',
      ),
  })
  .prefault({});

const bffMobile = z.strictObject({ ...bff(8_082) }).prefault({});

export const configSchema = z.strictObject({ log, tracing, secrets, node, bffWeb, bffMobile, gateway });
export type Config = z.output<typeof configSchema>;
export type TracingConfig = Config['tracing'];
export type NodeConfig = Config['node'];
export type BffWebConfig = Config['bffWeb'];
export type GatewayConfig = Config['gateway'];
export type RedisLimitsConfig = NonNullable<GatewayConfig['rateLimit']['redis']>;
