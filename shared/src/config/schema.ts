/** `grapevine.yaml`: one section per service. Every option states its unit and default, and what raising it costs. */
import { z } from 'zod';
import { limits } from '../contracts/limits.ts';
import { baseUrl, file, host, hostPort, nodeHost, port, tls } from './fields.ts';
import { registry } from './registry-schema.ts';

/**
 * A message of the largest body, each byte escaped (6 bytes in JSON), with all its headers: whoever may publish it must get
 * it through every hop.
 */
const largestRequestBytes = 2 * 1024 * 1024;

const log = z
  .strictObject({
    level: z
      .enum(['silent', 'error', 'warn', 'info', 'debug', 'trace'])
      .default('info')
      .describe('Lowest level that is printed.'),
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
        'Largest datagram. Larger: fewer of them for as much, each at about the same cost; above the path MTU the network fragments it, and one lost fragment loses it all. Default: 1400, or 8192 on a loopback address.',
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
        'Stored bytes that are read and checked per second, a quarter of it under load. Higher: damage is found sooner, for more of the processor and the disk.',
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
  })
  .prefault({});

const bffMobile = z.strictObject({ ...bff(8_082) }).prefault({});

const rate = (perSecond: number, burst: number) =>
  z
    .strictObject({
      perSecond: z.int().min(1).max(10_000_000).default(perSecond).describe('Requests per second that last.'),
      burst: z
        .int()
        .min(1)
        .max(10_000_000)
        .default(burst)
        .describe('Requests that may come at once; at least `perSecond`.'),
    })
    .refine((value) => value.burst >= value.perSecond, {
      path: ['burst'],
      error: 'expected at least as many as perSecond',
    })
    .prefault({});

/** Lists of them are searched for each request. */
const maxNetworks = 1_000;
const networks = z
  .array(
    z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
      error: 'expected an IP address or network in CIDR notation',
    }),
  )
  .max(maxNetworks)
  .default([]);

const gateway = z
  .strictObject({
    host: host.default('127.0.0.1'),
    port: port.default(8_080),
    adminHost: host.default('127.0.0.1').describe('The admin listener has no login of its own: keep it on loopback.'),
    adminPort: port.default(9_080),
    auth: z
      .strictObject({
        jwksFile: file
          .default('data/secrets/jwks.json')
          .describe('Keys that tokens are checked with (RFC 7517); each names its `alg`. Read again when it changes.'),
        jwksUrl: baseUrl
          .optional()
          .describe('Where an issuer publishes more keys; https, unless it is on this machine. Public keys only.'),
        jwksRefreshMs: z
          .int()
          .min(1_000)
          .max(86_400_000)
          .default(300_000)
          .describe(
            'Milliseconds between two looks at `jwksUrl`; a token with an unknown key causes one at once, every 10 s at most. Higher: a withdrawn key counts for longer.',
          ),
        apiKeysFile: file
          .optional()
          .describe(
            'API keys, as `grapevine api-key` writes them: hashes only. Read again when it changes; none when absent.',
          ),
        revocationsFile: file
          .optional()
          .describe(
            '`{"tokens": [jti…], "apiKeys": [id…], "subjects": [sub…]}`: refused from when the file is read, which a change or SIGHUP causes.',
          ),
        issuer: z.string().default('grapevine').describe('Expected `iss`.'),
        audience: z.string().default('grapevine').describe('Expected `aud`.'),
        clockSkewSeconds: z.int().min(0).max(300).default(5).describe('Tolerance for `exp` and `nbf`.'),
        cacheEntries: z.int().min(0).max(1_000_000).default(10_000).describe('Verified tokens kept, about 1 KB each.'),
      })
      .prefault({}),
    ipAccess: z
      .strictObject({
        allow: networks.describe('Addresses and networks that may call; everybody when empty.'),
        deny: networks.describe('Addresses and networks that may not call, whatever `allow` says.'),
        trustedProxies: networks.describe(
          'Proxies in front of the gateway whose `X-Forwarded-For` and `-Proto` are believed. Only what cannot be reached around them.',
        ),
      })
      .prefault({}),
    upstreams: z
      .strictObject({
        web: z.array(baseUrl).min(1).max(64).default(['http://127.0.0.1:8081']),
        mobile: z.array(baseUrl).min(1).max(64).default(['http://127.0.0.1:8082']),
      })
      .prefault({}),
    rateLimit: z
      .strictObject({
        principal: rate(500, 1_000),
        address: rate(1_000, 2_000),
        maxKeys: z
          .int()
          .min(100)
          .max(10_000_000)
          .default(100_000)
          .describe('Principals and addresses tracked, about 200 bytes each.'),
      })
      .prefault({}),
    breaker: z
      .strictObject({
        failureRatio: z
          .number()
          .min(0.01)
          .max(1)
          .default(0.5)
          .describe('Share of failed requests that opens the breaker.'),
        volume: z.int().min(1).max(100_000).default(20).describe('Requests in the window before the ratio counts.'),
        windowMs: z.int().min(100).max(600_000).default(10_000),
        resetMs: z
          .int()
          .min(100)
          .max(600_000)
          .default(2_000)
          .describe('Open for so long before one request is let through.'),
      })
      .prefault({}),
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(64 * 1024 * 1024)
      .default(largestRequestBytes)
      .describe('Largest request body in bytes.'),
    requestTimeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(30_000)
      .describe(
        'Time for a whole request to arrive; slower ones get 408. Higher: slow senders hold connections longer.',
      ),
    upstreamTimeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(30_000)
      .describe('Longest pause of an upstream before and inside an answer; event streams may pause for ever.'),
    upstreamMaxInFlight: z
      .int()
      .min(1)
      .max(60_000)
      .default(4_096)
      .describe(
        'Requests and streams open at one upstream instance; beyond it clients get 503. Each holds two sockets.',
      ),
    drainMs: z.int().min(0).max(60_000).default(5_000).describe('Time for requests in flight after SIGTERM.'),
  })
  .prefault({});

export const configSchema = z.strictObject({ log, secrets, node, bffWeb, bffMobile, gateway });
export type Config = z.output<typeof configSchema>;
export type NodeConfig = Config['node'];
export type GossipConfig = NodeConfig['gossip'];
export type BffWebConfig = Config['bffWeb'];
export type BffMobileConfig = Config['bffMobile'];
export type GatewayConfig = Config['gateway'];
