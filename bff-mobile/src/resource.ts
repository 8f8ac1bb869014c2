import type { Clock } from '@grapevine/shared/clock.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import type { TopicChanges } from '@grapevine/shared/cluster-client/topic-changes.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { requestIdOf } from '@grapevine/shared/http/problem-handler.ts';
import { deadlineOf } from '@grapevine/shared/http/time-left.ts';
import { type IdentityVerifier, identityHeader, requireScope } from '@grapevine/shared/identity/identity.ts';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import type { Request, Response, Router } from 'express';
import type { JsonReader } from './read-json.ts';
import type { Context } from './resolvers.ts';

/** What every resource needs of the service. */
export interface ResourcePorts {
  readonly client: ClusterClient;
  readonly changes: TopicChanges;
  readonly clock: Clock;
  readonly verifier: IdentityVerifier;
  readonly readJson: JsonReader;
}

export interface Operation {
  /** Callers without it get `FORBIDDEN`. */
  readonly scope: Scope;
  /** Called once the caller is known and allowed; what it throws becomes a problem document. */
  handle(request: Request, response: Response, context: Context): Promise<void>;
}

export interface Operations {
  /** Also answers HEAD. */
  readonly get?: Operation;
  readonly post?: Operation;
}

/** Serves one resource: its operations, OPTIONS, and `METHOD_NOT_ALLOWED` with `Allow` for every other method. */
export function serveResource(router: Router, path: string, ports: ResourcePorts, operations: Operations): void {
  const { get, post } = operations;
  const allowed = [
    ...(get === undefined ? [] : ['GET', 'HEAD']),
    ...(post === undefined ? [] : ['POST']),
    'OPTIONS',
  ].join(', ');
  const route = router.route(path);
  if (get !== undefined) route.get(guarded(ports, get));
  if (post !== undefined) route.post(guarded(ports, post));
  route.options((_request, response) => {
    response.set('Allow', allowed).status(204).end();
  });
  route.all((request, response) => {
    response.set('Allow', allowed);
    throw new GrapevineError('METHOD_NOT_ALLOWED', `Found ${request.method}; expected one of ${allowed}.`);
  });
}

function guarded(ports: ResourcePorts, operation: Operation) {
  return async (request: Request, response: Response): Promise<void> => {
    const identity = ports.verifier.verify(request.get(identityHeader));
    response.locals['principal'] = identity.subject;
    requireScope(identity, operation.scope);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const deadlineMs = deadlineOf(request, ports.clock);
    const caller = { identity, requestId: requestIdOf(request), deadlineMs, signal: gone.signal };
    await operation.handle(request, response, { client: ports.client, caller });
  };
}
