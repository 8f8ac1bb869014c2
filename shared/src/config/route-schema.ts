import { z } from 'zod';
import { scopes } from '../identity/scopes.ts';

/** Routes that are looked through for each request; beyond it the gateway is used for something that it is not. */
const maxRoutes = 256;
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

const method = z.enum(methods);
const scope = z.enum(scopes);
const name = z.string().regex(/^[a-z0-9-]{1,63}$/, 'expected 1 to 63 of a-z 0-9 -');
/** Literal segments, `{name}` for any one segment, and `/**` at the end for everything below. */
const pathPattern = z
  .string()
  .max(512)
  .regex(
    /^(?:\/(?:\*\*)?|(?:\/(?!\.{1,2}(?:\/|$))(?:[\w.~!$&'()+,=:@-]+|\{[a-z]+\}))+(?:\/(?:\*\*)?)?)$/,
    'expected a path such as /mobile/v1/topics/{topic}/**',
  );
const hostPattern = z
  .string()
  .regex(/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'expected a host name in lower case, or *. and one, without a port');

/** RFC 9110 section 5.6.2, in lower case. */
const headerName = z.string().regex(/^[a-z0-9!#$%&'*+.^`|~-]{1,64}$/, 'expected a header name in lower case');
const headerValue = z.string().regex(/^[\x21-\x7e]([\x20-\x7e]{0,1000}[\x21-\x7e])?$/, 'expected printable ASCII');
/** What decides where a message ends or who is calling is nobody's to rewrite. */
const reserved =
  /^(authorization|connection|content-length|expect|forwarded|grapevine-.*|host|keep-alive|proxy-.*|sec-websocket-.*|te|trailer|transfer-encoding|upgrade|via|x-forwarded-.*|x-request-id|.*_.*)$/;
const rewritableName = headerName.refine((value) => !reserved.test(value), {
  error: 'this header is the gateway’s own and cannot be rewritten',
});
const headerRules = z
  .strictObject({
    set: z.record(rewritableName, headerValue).default({}).describe('Headers that replace or join what came.'),
    remove: z.array(rewritableName).max(64).default([]).describe('Headers that do not pass.'),
  })
  .prefault({});

const headerCondition = z.union([
  z.literal('absent'),
  z.literal('present'),
  z.strictObject({ contains: headerValue }),
  z.strictObject({ equals: headerValue }),
]);

/** Scopes by method; `read` stands for GET, HEAD and OPTIONS, `write` for all others that are not named. */
const scopeRules = z.strictObject({
  read: scope,
  write: scope,
  ...Object.fromEntries(methods.map((one) => [one, scope.optional()])),
} as { read: typeof scope; write: typeof scope } & Record<(typeof methods)[number], z.ZodOptional<typeof scope>>);

const date = z.iso.date();

const routeSchema = z
  .strictObject({
    name: name.describe('In logs, metrics and on the admin listener.'),
    hosts: z.array(hostPattern).min(1).max(64).optional().describe('Any host when absent.'),
    path: pathPattern.describe(
      'Literal segments, {name} for any one segment (an encoded slash in it is data), /** for everything below.',
    ),
    methods: z
      .array(method)
      .min(1)
      .default([...methods])
      .describe('Others get 405, unless a later route takes them.'),
    headers: z
      .record(headerName, headerCondition)
      .default({})
      .describe('All must hold, or the next route is tried: absent, present, {contains: text}, {equals: text}.'),
    developmentOnly: z.boolean().default(false).describe('Is there only while bffWeb.mode is development.'),
    upstream: name.optional().describe('Where requests go: a name under gateway.upstreams.'),
    redirect: z
      .string()
      .regex(/^\/(?![/\\])[\x21-\x7e]*$/, 'expected a path of this site')
      .max(512)
      .optional()
      .describe('In place of `upstream`: 302 to this path.'),
    engine: z
      .enum(['dispatch', 'proxy'])
      .default('dispatch')
      .describe('dispatch: short requests, by undici. proxy: what streams, by http-proxy-middleware.'),
    webSockets: z.boolean().default(false).describe('Whether a WebSocket may be opened here.'),
    scopes: z.union([z.literal('public'), scopeRules]).describe('What a token must carry; public needs none.'),
    rate: z
      .strictObject({
        perSecond: z.int().min(1).max(10_000_000).describe('Requests per second that last.'),
        burst: z.int().min(1).max(10_000_000).describe('Requests that may come at once; at least `perSecond`.'),
      })
      .refine((value) => value.burst >= value.perSecond, {
        path: ['burst'],
        error: 'expected at least as many as perSecond',
      })
      .optional()
      .describe('Per principal, or per address on public routes; on top of the rates for all routes together.'),
    maxInFlight: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        'Requests and streams open at once here, in each process; others get 503. No limit of its own when absent.',
      ),
    priority: z
      .enum(['normal', 'high'])
      .default('normal')
      .describe('high: is let in when the gateway turns others away because it has too much to do, as operators are.'),
    maxBodyBytes: z
      .int()
      .min(0)
      .max(64 * 1024 * 1024)
      .optional()
      .describe('Largest request body; gateway.maxBodyBytes when absent.'),
    timeoutMs: z
      .int()
      .min(10)
      .max(600_000)
      .optional()
      .describe('Longest pause of the upstream before and inside an answer; gateway.upstreamTimeoutMs when absent.'),
    deadlineMs: z
      .int()
      .min(10)
      .max(3_600_000)
      .optional()
      .describe('For all attempts until the answer begins; gateway.deadlineMs when absent.'),
    hedgeAfterMs: z
      .int()
      .min(1)
      .max(60_000)
      .optional()
      .describe(
        'A request that may be repeated goes to a second instance too when there is no answer after so long; never when absent. Lower: shorter tails, more load.',
      ),
    cache: z
      .boolean()
      .default(false)
      .describe('Whether answers are kept as far as their headers allow it (RFC 9111), and identical reads made once.'),
    rewrite: z
      .string()
      .regex(/^(\/[\w.~!$&'()+,=:@-]+)*$/, 'expected a path such as /v2, or nothing')
      .max(512)
      .optional()
      .describe('Takes the place of the literal segments that `path` begins with.'),
    requestHeaders: headerRules.describe('Changes to what the upstream gets.'),
    answerHeaders: headerRules.describe('Changes to what the client gets.'),
    deprecation: z
      .strictObject({
        since: date.describe('Sent as Deprecation (RFC 9745).'),
        sunset: date.optional().describe('When it will be gone; sent as Sunset (RFC 8594).'),
        link: z
          .string()
          .regex(/^[\x21-\x3b\x3d\x3f-\x7e]+$/)
          .max(512)
          .optional()
          .describe('A page that says what to use instead.'),
      })
      .optional()
      .describe('Marks an old version.'),
  })
  .refine((route) => (route.upstream === undefined) !== (route.redirect === undefined), {
    error: 'expected either upstream or redirect',
  })
  .refine((route) => route.redirect === undefined || route.scopes === 'public', {
    path: ['scopes'],
    error: 'a redirect is public: it gives nothing away',
  });

export type RouteConfig = z.output<typeof routeSchema>;
type RouteInput = z.input<typeof routeSchema>;

const pages = ['GET', 'HEAD'] as const;
const startPage: Pick<RouteInput, 'redirect' | 'scopes' | 'methods'> = {
  redirect: '/console/',
  scopes: 'public',
  methods: [...pages],
};
const webApi: RouteInput = {
  name: 'web',
  path: '/web/**',
  upstream: 'web',
  webSockets: true,
  scopes: { read: 'messages:read', write: 'messages:read' },
};
const mobileApi: RouteInput = {
  name: 'mobile',
  path: '/mobile/v1/**',
  upstream: 'mobile',
  cache: true,
  scopes: { read: 'messages:read', write: 'messages:write' },
};

/**
 * The routes of Grapevine itself; the first match counts. Their scopes are the coarse ones that a path and method can tell;
 * what depends on the content of a request (a GraphQL mutation) the BFF enforces from the identity header.
 */
const defaultRoutes: RouteInput[] = [
  { ...startPage, name: 'start', path: '/' },
  // Without the slash the page's own relative links would lead out of its folder.
  { ...startPage, name: 'console-folder', path: '/console' },
  // What operators open when something is wrong.
  {
    name: 'console',
    path: '/console/**',
    upstream: 'web',
    cache: true,
    scopes: 'public',
    methods: [...pages],
    priority: 'high',
  },
  // A browser that opens the GraphQL address gets the page that asks for a token. Only the page: the request goes down
  // without an identity, and the BFF gives no datum to a caller that nobody vouches for.
  {
    name: 'graphiql',
    path: '/web/graphql',
    methods: [...pages],
    headers: { authorization: 'absent', upgrade: 'absent', accept: { contains: 'text/html' } },
    developmentOnly: true,
    upstream: 'web',
    scopes: 'public',
  },
  { ...webApi, name: 'web-events', engine: 'proxy', headers: { accept: { contains: 'text/event-stream' } } },
  webApi,
  {
    ...mobileApi,
    name: 'mobile-cluster',
    path: '/mobile/v1/cluster/**',
    cache: false,
    scopes: { read: 'cluster:read', write: 'cluster:admin' },
  },
  ...['openapi.json', 'docs'].map(
    (page): RouteInput => ({
      name: page === 'docs' ? 'mobile-docs' : 'mobile-openapi',
      path: `/mobile/v1/${page}`,
      methods: [...pages],
      upstream: 'mobile',
      cache: true,
      scopes: 'public',
    }),
  ),
  // Waits for news: whoever waited for somebody else's would wait twice.
  { ...mobileApi, name: 'mobile-sync', path: '/mobile/v1/sync', cache: false },
  { ...mobileApi, name: 'mobile-topic', path: '/mobile/v1/topics/{topic}/**' },
  mobileApi,
];

export const routes = z
  .array(routeSchema)
  .max(maxRoutes)
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [index, route] of list.entries()) {
      if (seen.has(route.name)) {
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `two routes are called ${route.name}` });
      }
      seen.add(route.name);
    }
  })
  .prefault(defaultRoutes)
  .describe('Looked through in order; the first whose host, path, headers and method match counts.');
