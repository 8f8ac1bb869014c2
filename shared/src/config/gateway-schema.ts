import { z } from 'zod';
import { cors } from './cors-schema.ts';
import { edgeTls } from './edge-tls-schema.ts';
import { baseUrl, file, host, largestRequestBytes, port } from './fields.ts';
import { routes } from './route-schema.ts';
import { upstream } from './upstream-schema.ts';

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

const redis = z
  .strictObject({
    url: z
      .url({ protocol: /^rediss?$/ })
      .refine((value) => new URL(value).password === '', {
        error: 'a password in an address is seen in too many places; use passwordFile',
      })
      .describe('redis://host:port/database, or rediss:// with TLS; a user name may stand in front of the host.'),
    passwordFile: file.optional().describe('A file that holds the password of Redis and nothing else.'),
    timeoutMs: z
      .int()
      .min(1)
      .max(5_000)
      .default(50)
      .describe(
        'A request waits so long for Redis at most. Higher: a slow Redis makes requests slow before it is left.',
      ),
    gateways: z
      .int()
      .min(1)
      .max(1_000)
      .default(1)
      .describe('How many gateways share it: while Redis is away, each lets its part of the rates through.'),
  })
  .optional()
  .describe('Counts rates for several gateways together. Without it each gateway counts for itself, in its memory.');

export const gateway = z
  .strictObject({
    host: host.default('127.0.0.1'),
    port: port.default(8_080),
    adminHost: host.default('127.0.0.1').describe('The admin listener has no login of its own: keep it on loopback.'),
    adminPort: port.default(9_080),
    workers: z
      .union([z.literal('auto'), z.int().min(1).max(64)])
      .default('auto')
      .describe(
        'Processes that take requests; auto: one for each core on Linux and FreeBSD, else one. Each costs about 80 MB and has its own breakers.',
      ),
    tls: edgeTls,
    cors,
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
      .object({
        web: upstream.default(['http://127.0.0.1:8081']),
        mobile: upstream.default(['http://127.0.0.1:8082']),
      })
      .catchall(upstream)
      .prefault({})
      .describe('The processes of each service behind the gateway, by its name: addresses, or where to learn of them.'),
    routes,
    rateLimit: z
      .strictObject({
        principal: rate(500, 1_000),
        address: rate(1_000, 2_000),
        costPerRequest: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(100)
          .describe(
            'What a GraphQL operation may cost to count as one request; it counts once more for each further so much. Higher: heavy queries are limited less.',
          ),
        maxKeys: z
          .int()
          .min(100)
          .max(10_000_000)
          .default(100_000)
          .describe('Principals and addresses tracked, about 200 bytes each.'),
        redis,
      })
      .prefault({}),
    cache: z
      .strictObject({
        maxBytes: z
          .int()
          .min(0)
          .max(8 * 1024 ** 3)
          .default(64 * 1024 ** 2)
          .describe(
            'Memory for answers that are kept, in bytes, in each worker. What was not used for longest goes first.',
          ),
        maxEntries: z.int().min(0).max(1_000_000).default(10_000).describe('Answers kept, in each worker.'),
        maxEntryBytes: z
          .int()
          .min(0)
          .max(64 * 1024 ** 2)
          .default(1024 ** 2)
          .describe(
            'Longer bodies are not kept. Higher: few of them fill the cache, and as much more is held while one arrives.',
          ),
        joinMs: z
          .int()
          .min(0)
          .max(60_000)
          .default(5_000)
          .describe(
            'Longest that a request waits for the answer to the same one of somebody else. Higher: a slow upstream is asked less, and slow answers slow others.',
          ),
      })
      .prefault({})
      .describe('For routes with `cache: true`.'),
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
    ejection: z
      .strictObject({
        failures: z
          .int()
          .min(1)
          .max(1_000)
          .default(5)
          .describe('Failures in a row after which an instance is left out. Higher: more requests meet an ill one.'),
        baseMs: z
          .int()
          .min(100)
          .max(300_000)
          .default(10_000)
          .describe('For so long the first time, and for as much longer each time that it fails again at once.'),
      })
      .prefault({}),
    healthCheck: z
      .strictObject({
        path: z
          .string()
          .regex(/^\/[\x21-\x7e]*$/)
          .max(512)
          .default('/readyz')
          .describe('Asked of every upstream instance; a status below 400 is well.'),
        intervalMs: z
          .int()
          .min(100)
          .max(3_600_000)
          .default(5_000)
          .describe('Between two checks of an instance, ±20 %. Lower: ill ones are noticed sooner, more idle traffic.'),
        timeoutMs: z.int().min(10).max(60_000).default(1_000).describe('A check that takes longer has failed.'),
        unhealthyAfter: z.int().min(1).max(100).default(3).describe('Checks in a row that must fail.'),
        healthyAfter: z.int().min(1).max(100).default(1).describe('Checks in a row that must go well.'),
      })
      .prefault({}),
    retry: z
      .strictObject({
        attempts: z
          .int()
          .min(1)
          .max(5)
          .default(3)
          .describe('Attempts of a request that may be repeated, the first included; 1 repeats nothing.'),
        budgetRatio: z
          .number()
          .min(0)
          .max(1)
          .default(0.2)
          .describe('Retries per request that last, on top of 10 a second. Higher: more load on what fails already.'),
        backoffMs: z
          .int()
          .min(1)
          .max(10_000)
          .default(25)
          .describe('Mean wait before the same instance is tried again; twice as long each time.'),
      })
      .prefault({}),
    deadlineMs: z
      .int()
      .min(10)
      .max(3_600_000)
      .default(60_000)
      .describe('For all attempts of a request until its answer begins. Services learn what is left of it.'),
    load: z
      .strictObject({
        maxInFlight: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(8_192)
          .describe(
            'Requests and streams open at once in each process; beyond it clients get 503, operators at a tenth more. Higher: more memory, longer waits for all.',
          ),
        maxLoopDelayMs: z
          .int()
          .min(10)
          .max(60_000)
          .default(1_000)
          .describe(
            'While a process is later than this with its work, all but operators get 503. Higher: slower before it helps itself.',
          ),
      })
      .prefault({}),
    maxConnections: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(20_000)
      .describe(
        'Connections of clients in each process; further ones are closed. Each costs about 20 KB and a file descriptor, of which a process may have only so many.',
      ),
    maxConnectionsPerAddress: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(5_000)
      .describe('Of these from one address, or one /64 network of IPv6; trusted proxies are not counted.'),
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
  .superRefine((section, context) => {
    for (const [index, { upstream: wanted }] of section.routes.entries()) {
      if (wanted === undefined || Object.hasOwn(section.upstreams, wanted)) continue;
      const known = Object.keys(section.upstreams).join(', ');
      const message = `there is no upstream ${wanted}; expected one of ${known}`;
      context.addIssue({ code: 'custom', path: ['routes', index, 'upstream'], message });
    }
  })
  .prefault({});
