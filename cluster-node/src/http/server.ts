import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Clock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type ListeningServer, type ListenOptions, listen } from '@grapevine/shared/http/listen.ts';
import type { MutualTls } from '@grapevine/shared/http/mutual-tls.ts';
import { requestIdOf, sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import type { IdentityVerifier } from '@grapevine/shared/identity/identity.ts';
import type { HeadVerifier } from '@grapevine/shared/log/head.ts';
import type { createLogger } from '@grapevine/shared/logging.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { traceRequests } from '@grapevine/shared/tracing/trace-requests.ts';
import type { Tracing } from '@grapevine/shared/tracing/tracing.ts';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Registry } from 'prom-client';
import type { NodeService } from '../node-service.ts';
import { DataDamage } from '../store/damage.ts';
import { authenticate } from './authorize.ts';
import { ChangeHub } from './change-hub.ts';
import { changeRoutes } from './change-routes.ts';
import { compareRoutes } from './compare-routes.ts';
import { forksRoutes } from './forks-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { countFollowers, countSegmentStreams, countStreams, timeRequests } from './http-metrics.ts';
import { logRoutes } from './log-routes.ts';
import { membersRoutes } from './members-routes.ts';
import { messagesRoutes } from './messages-routes.ts';
import type { PeerAccess } from './peer-client.ts';
import { repairRoutes } from './repair-routes.ts';
import { segmentRoutes } from './segment-routes.ts';
import { SegmentStreams } from './segment-streams.ts';
import { StreamHub } from './stream-hub.ts';
import { streamRoutes } from './stream-routes.ts';
import { syncRoutes } from './sync-routes.ts';
import { topicsRoutes } from './topics-routes.ts';

export interface NodeHttpOptions {
  readonly service: NodeService;
  /** Checks callers; for the audience `node`. */
  readonly verifier: IdentityVerifier;
  /** How this node calls its peers. */
  readonly access: PeerAccess;
  readonly headVerifier: HeadVerifier;
  readonly treeHash: TreeHash;
  readonly metrics: Registry;
  readonly log: ReturnType<typeof createLogger>;
  readonly clock: Clock;
  /** Certificates, where callers have to speak TLS and show one of their own. */
  readonly tls?: MutualTls | undefined;
  /** Largest message body in bytes. */
  readonly maxBodyBytes: number;
  /** Where spans go, if anywhere. */
  readonly tracing?: Tracing | undefined;
}

/** Idle connections live longer here than in any caller's pool (4 s): else a caller would write to one that is just closing. */
const keepAliveTimeoutMs = 65_000;
/** For a whole request to arrive, in milliseconds. */
const requestTimeoutMs = 30_000;
/** Request line and headers: two consistency tokens of 1,024 origins each (30 KiB), and what else there is. */
const maxHeaderBytes = 80 * 1024;

/** Serves the node API. `stop` ends the streams first: some never end by themselves, the others take long. */
export async function startNodeHttp(options: NodeHttpOptions, address: ListenOptions): Promise<ListeningServer> {
  const streams = {
    messages: new StreamHub(options.service),
    changes: new ChangeHub(options.service.views),
    segments: new SegmentStreams(options.service),
  };
  const closeStreams = (): void => {
    for (const kind of Object.values(streams)) kind.close();
  };
  const limits = {
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
  };
  const server = createHttpServer(limits, nodeApp(options, streams), options.tls);
  try {
    const listening = await listen(server, address);
    const stop = (): Promise<void> => {
      closeStreams();
      return listening.stop();
    };
    return { ...listening, stop };
  } catch (error) {
    closeStreams();
    throw error;
  }
}

/** Answers that go on: each kind with its own bound. */
interface Streams {
  readonly messages: StreamHub;
  readonly changes: ChangeHub;
  readonly segments: SegmentStreams;
}

/** Health and metrics are open to monitoring, which has no certificate of ours: `authenticate` asks for it. */
function createHttpServer(limits: ServerOptions, app: Express, tls: MutualTls | undefined): Server {
  if (tls === undefined) return createServer(limits, app);
  const server = createTlsServer({ ...limits, ...tls.credentials, requestCert: true, rejectUnauthorized: false }, app);
  tls.onChange((credentials) => server.setSecureContext(credentials));
  return server;
}

/** What a request passes, in order. */
function nodeApp(options: NodeHttpOptions, streams: Streams): Express {
  const { service, treeHash, metrics, clock } = options;
  const app = express();
  app.disable('x-powered-by');
  // Routes make their own tags, out of what an answer depends on.
  app.set('etag', false);
  // Every parameter is a text, or a list when it is repeated; never an object.
  app.set('query parser', 'simple');
  countStreams(metrics, () => streams.messages.size);
  countFollowers(metrics, () => streams.changes.size);
  countSegmentStreams(metrics, () => streams.segments.size);
  app.use(timeRequests(metrics, clock));
  app.use(healthRoutes(service, metrics));
  app.use(traceRequests(options.tracing));
  app.use('/v1', authenticate(options.verifier));
  app.use(messagesRoutes(options));
  app.use(topicsRoutes(service));
  app.use(syncRoutes(service));
  app.use(streamRoutes(service, streams.messages));
  app.use(changeRoutes(streams.changes));
  app.use(segmentRoutes(streams.segments));
  app.use(logRoutes(service, treeHash));
  app.use(compareRoutes(options));
  app.use(forksRoutes(service));
  app.use(repairRoutes(service));
  app.use(membersRoutes(service));
  app.use(refuseUnknown);
  app.use(reportDamage(service));
  app.use(answerError(options.log));
  return app;
}

const refuseUnknown: RequestHandler = (request) => {
  throw new GrapevineError('NOT_FOUND', `There is no ${request.path} in this API.`);
};

/** What a request stumbles over is examined; the caller is sent to another node. Express recognises an error handler by its four parameters. */
function reportDamage(service: NodeHttpOptions['service']): ErrorRequestHandler {
  return (error: unknown, _request, _response, next) => {
    if (!(error instanceof DataDamage)) return next(error);
    service.suspect(error);
    next(new GrapevineError('QUARANTINED', error.message, { retryAfterSeconds: 1, cause: error }));
  };
}

function answerError(log: NodeHttpOptions['log']): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    sendProblem(request, response, error);
    if (response.statusCode >= 500 && !(error instanceof GrapevineError)) {
      log.error(
        { err: error, requestId: requestIdOf(request), method: request.method, path: request.path },
        'request failed',
      );
    }
  };
}
