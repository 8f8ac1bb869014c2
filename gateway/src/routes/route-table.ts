import type { IncomingMessage } from 'node:http';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import type { Engine } from '../upstreams/upstream-instance.ts';

export type UpstreamName = 'web' | 'mobile';

/** What a token must carry: for GET, HEAD and OPTIONS one scope, for everything else another. */
export interface RouteScopes {
  readonly read: Scope;
  readonly write: Scope;
}

export interface Route {
  readonly name: string;
  /** Decoded segments. Matches this path itself and, unless `exact`, everything under it. */
  readonly path: readonly string[];
  readonly exact?: true;
  /** Where matching requests go: an upstream, or another path by redirect. */
  readonly to: { readonly upstream: UpstreamName; readonly engine: Engine } | { readonly redirect: string };
  readonly access: 'public' | RouteScopes;
  readonly methods: readonly string[];
  /** Whether a WebSocket may be opened here. */
  readonly webSockets?: true;
  /** A further condition, by name for the admin listener. */
  readonly when?: { readonly condition: string; readonly holds: (request: IncomingMessage) => boolean };
}

const pageMethods = ['GET', 'HEAD'];
const apiMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * A browser that opens the GraphQL address gets the page that asks for a token. Only the page: the request goes down
 * without an identity, and the BFF gives no datum to a caller that nobody vouches for.
 */
const graphiql: Route = {
  name: 'graphiql',
  path: ['web', 'graphql'],
  exact: true,
  to: { upstream: 'web', engine: 'dispatch' },
  access: 'public',
  methods: pageMethods,
  when: {
    condition: 'GET without credentials that accepts text/html',
    holds: ({ method, headers }) =>
      (method === 'GET' || method === 'HEAD') &&
      headers.authorization === undefined &&
      headers.accept?.includes('text/html') === true,
  },
};

/**
 * The routes, the first match counts. Every path arrives at its upstream unchanged. The scopes here are the coarse ones
 * that a path and method can tell; what depends on the content of a request (a GraphQL mutation) the BFF enforces from the
 * identity header.
 */
export function routeTable(options: { readonly graphiql: boolean }): readonly Route[] {
  return [
    redirect('start', ['']),
    // Without the slash the page's own relative links would lead out of its folder.
    redirect('console-folder', ['console']),
    {
      name: 'console',
      path: ['console'],
      to: { upstream: 'web', engine: 'dispatch' },
      access: 'public',
      methods: pageMethods,
    },
    ...(options.graphiql ? [graphiql] : []),
    {
      name: 'web',
      path: ['web'],
      to: { upstream: 'web', engine: 'dispatch' },
      access: { read: 'messages:read', write: 'messages:read' },
      methods: apiMethods,
      webSockets: true,
    },
    {
      name: 'mobile-cluster',
      path: ['mobile', 'v1', 'cluster'],
      to: { upstream: 'mobile', engine: 'dispatch' },
      access: { read: 'cluster:read', write: 'cluster:admin' },
      methods: apiMethods,
    },
    {
      name: 'mobile',
      path: ['mobile'],
      to: { upstream: 'mobile', engine: 'dispatch' },
      access: { read: 'messages:read', write: 'messages:write' },
      methods: apiMethods,
    },
  ];
}

/** The first route that matches decoded path segments, whatever the method. */
export function findRoute(
  routes: readonly Route[],
  segments: readonly string[],
  request: IncomingMessage,
): Route | undefined {
  return routes.find((route) => matches(route, segments) && (route.when?.holds(request) ?? true));
}

/** The scope that `method` needs on a route that is not public. */
export function scopeFor(scopes: RouteScopes, method: string): Scope {
  return safeMethods.includes(method) ? scopes.read : scopes.write;
}

function redirect(name: string, path: readonly string[]): Route {
  return { name, path, exact: true, to: { redirect: '/console/' }, access: 'public', methods: pageMethods };
}

function matches(route: Route, segments: readonly string[]): boolean {
  if (route.exact === true && route.path.length !== segments.length) return false;
  return route.path.every((segment, index) => segments[index] === segment);
}
