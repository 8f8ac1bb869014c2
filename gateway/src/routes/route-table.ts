import type { RouteConfig } from '@grapevine/shared/config/route-schema.ts';
import type { EdgeRequest } from '../request-context.ts';
import { Route } from './route.ts';

/** The route of a request, or those that would be if it had another method. */
export type Match = { readonly route: Route } | { readonly otherMethods: readonly Route[] };

/** The routes in the order of the configuration. */
export class RouteTable {
  readonly routes: readonly Route[];

  constructor(configs: readonly RouteConfig[], options: { readonly development: boolean }) {
    this.routes = configs
      .filter(({ developmentOnly }) => options.development || !developmentOnly)
      .map((config) => new Route(config));
  }

  /** The first route that matches decoded path segments and the request's host, headers and method. */
  find(segments: readonly string[], { headers, method }: EdgeRequest): Match {
    const otherMethods: Route[] = [];
    for (const route of this.routes) {
      if (!route.matches(segments, headers.host, headers)) continue;
      if (route.allows(method)) return { route };
      otherMethods.push(route);
    }
    return { otherMethods };
  }
}
