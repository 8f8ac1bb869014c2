import { createServer, type Server } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { TopicChanges } from '@grapevine/shared/cluster-client/topic-changes.ts';
import type { IdentityVerifier } from '@grapevine/shared/identity/identity.ts';
import { traceRequests } from '@grapevine/shared/tracing/trace-requests.ts';
import type { Tracing } from '@grapevine/shared/tracing/tracing.ts';
import express, { Router } from 'express';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { compressAnswers } from './compress.ts';
import { consistencyHeader } from './contract/requests.ts';
import { observeRequests } from './observe-requests.ts';
import { answerProblems, noSuchPath } from './problems.ts';
import { jsonReader } from './read-json.ts';
import { serveConsistency } from './routes/consistency.ts';
import { serveDocumentation } from './routes/documentation.ts';
import { serveHealth } from './routes/health.ts';
import { serveMessage, serveMessageProof } from './routes/message.ts';
import { serveOutbox } from './routes/outbox.ts';
import { serveSync } from './routes/sync.ts';
import { serveTopicMessages } from './routes/topic-messages.ts';
import { serveTopics } from './routes/topics.ts';

export interface ServerPorts {
  readonly client: ClusterClient;
  /** What wakes syncs that wait for news. */
  readonly changes: TopicChanges;
  /** Checks identity headers of the gateway. */
  readonly verifier: IdentityVerifier;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly maxRequestBytes: number;
  /** Where spans go, if anywhere. */
  readonly tracing?: Tracing | undefined;
}

/** Longer than the gateway keeps an idle connection: if this side closed first, a request could meet a closed socket. */
const keepAliveTimeoutMs = 65_000;
/** For a whole request to arrive; the gateway has its own, shorter limit for slow clients. */
const requestTimeoutMs = 60_000;

/** The mobile API under `/mobile/v1`, not yet listening. Paths arrive whole: the gateway strips nothing. */
export function createMobileServer(ports: ServerPorts): Server {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // What a resource gives no validator of its own is hashed.
  app.set('etag', 'weak');
  app.use(observeRequests(ports.log, ports.clock, ports.registry));
  serveHealth(app, ports.client, ports.registry);
  app.use(traceRequests(ports.tracing));
  app.use('/mobile/v1', compressAnswers(), createApi(ports));
  app.use(noSuchPath);
  app.use(answerProblems(ports.log));
  return createServer({ keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: requestTimeoutMs }, app);
}

function createApi({ client, changes, clock, verifier, maxRequestBytes }: ServerPorts): Router {
  // One address per resource: other casings and trailing slashes would be other cache entries for the same thing.
  const router = Router({ caseSensitive: true, strict: true });
  const resources = { client, changes, clock, verifier, readJson: jsonReader(maxRequestBytes) };
  router.use((request, response, next) => {
    // Answers depend on who asks, and are good only as long as their ETag stands.
    // Said of every answer, 304 as well: a cache takes over what the latest one says.
    response.set({ 'Cache-Control': 'private, no-cache', Vary: `${consistencyHeader}, accept-encoding` });
    // This speaks to caches, and browsers add `no-cache` to a fetch with If-None-Match: express would never answer 304.
    delete request.headers['cache-control'];
    next();
  });
  serveDocumentation(router);
  serveTopics(router, resources);
  serveTopicMessages(router, resources);
  serveMessage(router, resources);
  serveMessageProof(router, resources);
  serveSync(router, resources);
  serveOutbox(router, resources);
  serveConsistency(router, resources);
  return router;
}
