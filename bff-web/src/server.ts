import { createServer, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { TopicChanges } from '@grapevine/shared/cluster-client/topic-changes.ts';
import type { BffWebConfig } from '@grapevine/shared/config/schema.ts';
import { GrapevineError, toGrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { costHeader } from '@grapevine/shared/http/cost-header.ts';
import { type ListeningServer, listen } from '@grapevine/shared/http/listen.ts';
import { requestIdOf, sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { RequestLog } from '@grapevine/shared/http/request-log.ts';
import { deadlineOf } from '@grapevine/shared/http/time-left.ts';
import { type Identity, type IdentityVerifier, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { serveMetrics } from '@grapevine/shared/metrics.ts';
import { traceRequests } from '@grapevine/shared/tracing/trace-requests.ts';
import type { Tracing } from '@grapevine/shared/tracing/tracing.ts';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { requireAcceptable } from './accepted-types.ts';
import { completeRequest } from './complete-request.ts';
import { requiredConsistency, tokenReporter } from './consistency-header.ts';
import { Documents } from './documents.ts';
import type { VerifiedRequest } from './graph-context.ts';
import { graphiqlPage } from './graphiql.ts';
import { createGraphQLHandler, graphqlPath } from './graphql-endpoint.ts';
import type { ReportFor } from './graphql-errors.ts';
import type { FigureRing } from './history/figures.ts';
import { KeptAnswers } from './kept-answers.ts';
import type { WebMetrics } from './metrics.ts';
import { OpenStreams } from './open-streams.ts';
import type { OperationChecks } from './operation-checks.ts';
import { PersistedOperations } from './persisted-operations.ts';
import { readJson } from './read-json.ts';
import { schema } from './schema/schema.ts';
import { ShortPath } from './short-path.ts';
import { Subscriptions } from './subscriptions.ts';
import { WebSockets } from './web-sockets.ts';

export interface WebServerOptions {
  readonly cluster: ClusterClient;
  readonly figures: FigureRing;
  /** Says how long answers about a topic stand. */
  readonly changes: TopicChanges;
  /** Checks identity headers of the gateway; for the audience `bff`. */
  readonly verifier: IdentityVerifier;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly metrics: WebMetrics;
  readonly config: BffWebConfig;
  /** Where spans go, if anywhere. */
  readonly tracing?: Tracing | undefined;
}

/** Longer than the gateway keeps an idle connection: if this side closed first, a request could meet a closed socket. */
const keepAliveTimeoutMs = 65_000;
/** For a whole request to arrive; the gateway has its own, shorter limit for slow clients. */
const requestTimeoutMs = 60_000;
/** Requests in flight may take this long after a signal: below the 9 s in which the whole process stops. */
const drainMs = 5_000;

const consoleFolder = fileURLToPath(new URL('../console/dist', import.meta.url));
/** The page loads its own script and style, asks this server, and nothing else. */
const consolePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Serves the web API and the console. `stop` ends subscriptions first, since they would never end by themselves. */
export async function startWebServer(options: WebServerOptions, name: string): Promise<ListeningServer> {
  const streams = new OpenStreams();
  const { cluster, figures, verifier, clock, log, config, metrics } = options;
  const checks: OperationChecks = { maxCost: config.maxCost, onOperation: (kind) => metrics.countOperation(kind) };
  const documents = new Documents(schema, config);
  const operations = new PersistedOperations({ file: config.persistedOperationsFile, only: config.persistedOnly });
  const app = webApp(options, { checks, documents, operations, streams });
  const server = createServer({ keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: requestTimeoutMs }, app);
  const subscriptions = new Subscriptions({
    sources: { cluster, figures },
    documents,
    operations,
    checks,
    slowReaderMs: config.slowReaderMs,
    reportFor: reportTo(log),
  });
  const sockets = new WebSockets({ subscriptions, verifier, clock, log, config });
  sockets.take(server);
  const { host, port } = config;
  const listening = await listen(server, { name, host, port, portFlag: 'bffWeb.port or --base-port', drainMs });
  const stop = (): Promise<void> => {
    streams.cut();
    sockets.close();
    return listening.stop();
  };
  return { ...listening, stop };
}

/** What requests of all kinds share. */
interface AppParts {
  readonly checks: OperationChecks;
  readonly documents: Documents;
  readonly operations: PersistedOperations;
  readonly streams: OpenStreams;
}

/** What a request passes, in order. Paths arrive whole: the gateway strips nothing. */
function webApp(options: WebServerOptions, { checks, documents, operations, streams }: AppParts): Express {
  const { config, log } = options;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', 'strong');
  serveHealth(app, options);
  app.use(traceRequests(options.tracing));
  app.use(observeRequests(options));
  app.use('/console', serveConsole());
  if (config.mode === 'development') app.get(graphqlPath, graphiqlPage(graphqlPath));
  app.all(graphqlPath, [
    authenticate(options.verifier),
    requireAcceptable,
    ...readJson(config.maxRequestBytes),
    completeRequest(operations),
    streams.watch,
    serveGraphQL(options, checks, documents),
  ]);
  app.use(refuseUnknown);
  app.use(answerProblems(log));
  return app;
}

/** Open, since the service listens on loopback: whether the process runs, whether a node answers it, what it counts. */
function serveHealth(app: Express, { cluster, registry }: WebServerOptions): void {
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', async (_request, response) => {
    if (!(await cluster.reachable())) {
      throw new GrapevineError('UNAVAILABLE', 'No node of the cluster answers.', { retryAfterSeconds: 1 });
    }
    response.json({ status: 'ok' });
  });
  app.get('/metrics', (request, response) => serveMetrics(registry, request, response));
}

function observeRequests({ log, clock, metrics }: WebServerOptions): RequestHandler {
  const requests = new RequestLog(log, clock);
  return (request, response, next) => {
    requests.watch(request, response, (status, ms) => {
      metrics.observeRequest(request.method, status, ms);
      return (response.locals['identity'] as Identity | undefined)?.subject;
    });
    next();
  };
}

function serveConsole(): RequestHandler {
  return express.static(consoleFolder, {
    cacheControl: false,
    setHeaders: (response) => {
      response.setHeader('content-security-policy', consolePolicy);
      // Checked with its ETag every time, so that page and script always belong together.
      response.setHeader('cache-control', 'no-cache');
    },
  });
}

function authenticate(verifier: IdentityVerifier): RequestHandler {
  return (request, response, next) => {
    const header = request.headers[identityHeader];
    response.locals['identity'] = verifier.verify(typeof header === 'string' ? header : undefined);
    next();
  };
}

function serveGraphQL(options: WebServerOptions, checks: OperationChecks, documents: Documents): RequestHandler {
  const { cluster, figures, changes, config, clock, metrics } = options;
  const sources = { cluster, figures };
  const reportFor = reportTo(options.log);
  const kept = new KeptAnswers(changes);
  metrics.showKeptAnswers(() => kept.bytes);
  const shortPath = new ShortPath({ sources, documents, checks, kept, reportFor, onLookUp: metrics.countLookUp });
  const handle = createGraphQLHandler({ sources, config, checks, reportFor });
  return async (request, response) => {
    const identity = response.locals['identity'] as Identity;
    // Answers depend on who asks, and are old at once.
    response.setHeader('cache-control', 'no-store');
    const reportCost = (cost: number): void => {
      response.setHeader(costHeader, String(cost));
    };
    // The time is for the answer to begin: a subscription goes on asking the cluster as long as it is open.
    const accept = request.get('accept') ?? '*/*';
    const verified: VerifiedRequest = {
      identity,
      requestId: requestIdOf(request),
      deadlineMs: accept.includes('text/event-stream') ? undefined : deadlineOf(request, clock),
      signal: goneSignal(response),
      consistency: requiredConsistency(request),
      reportCost,
      reportToken: tokenReporter(response),
      cut: () => response.destroy(),
    };
    const answer = request.method === 'POST' ? await shortPath.answer(request.body, accept, verified) : undefined;
    if (answer === undefined) return handle(request, response, verified);
    response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
    response.end(answer.body);
  };
}

function reportTo(log: Logger): ReportFor {
  return (requestId) => (error) => log.error({ err: error, requestId }, 'a GraphQL request failed');
}

/** Aborted when the connection closes before the answer is complete. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}

const refuseUnknown: RequestHandler = (request) => {
  throw new GrapevineError('NOT_FOUND', `There is nothing at ${request.path}.`);
};

/** Express recognises an error handler by its four parameters. */
function answerProblems(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    sendProblem(request, response, thrown);
    const { code } = toGrapevineError(thrown);
    if (response.statusCode >= 500) log.error({ err: thrown, code, requestId: requestIdOf(request) }, 'failed');
  };
}
