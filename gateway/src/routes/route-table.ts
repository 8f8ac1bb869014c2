import type { RouteConfig } from '@grapevine/shared/config/route-schema.ts';
import { BoundedMap } from '../limits/bounded-map.ts';
import type { EdgeRequest } from '../request-context.ts';
import { ambiguousPath, checkTarget, pathOf, pathSegments } from './request-target.ts';
import { Route } from './route.ts';

/** The route of a request, or those that would be if it had another method. */
export type Match = { readonly route: Route } | { readonly otherMethods: readonly Route[] };

/** What a path says by itself. */
interface KnownPath {
  /** The routes whose path it is, in order. */
  readonly routes: readonly Route[];
  /** Those of them that take its encoded slashes; undefined when it has none. */
  readonly takeSlashes: ReadonlySet<Route> | undefined;
}

/** Paths that are remembered: clients ask for the same ones again and again, and taking one apart costs as much as three other steps. */
const maxKnownPaths = 1_000;
/** Longer targets are not, so that they cannot fill the memory. */
const knownTargetLength = 512;

/** The routes in the order of the configuration. */
export class RouteTable {
  readonly routes: readonly Route[];
  readonly #known = new BoundedMap<string, KnownPath>(maxKnownPaths);

  constructor(configs: readonly RouteConfig[], options: { readonly development: boolean }) {
    this.routes = configs
      .filter(({ developmentOnly }) => options.development || !developmentOnly)
      .map((config) => new Route(config));
  }

  /**
   * The first route that matches a request's path, host, headers and method. Throws `BAD_REQUEST` for a target that could be
   * read in several ways.
   */
  find({ url, headers, method }: EdgeRequest): Match {
    const { routes, takeSlashes } = this.#pathOf(url);
    const otherMethods: Route[] = [];
    for (const route of routes) {
      if (!route.takes(headers.host, headers)) continue;
      if (route.allows(method)) {
        if (takeSlashes?.has(route) === false) throw misplacedSlash();
        return { route };
      }
      otherMethods.push(route);
    }
    if (takeSlashes !== undefined && !otherMethods.some((route) => takeSlashes.has(route))) throw misplacedSlash();
    return { otherMethods };
  }

  #pathOf(target: string): KnownPath {
    const path = pathOf(target);
    const known = this.#known.get(path);
    if (known !== undefined) {
      // A query that nobody has looked at may follow it.
      checkTarget(target);
      return known;
    }
    const segments = pathSegments(target);
    const routes = this.routes.filter((route) => route.matchesPath(segments));
    const hasSlashes = segments.some((segment) => segment.includes('/'));
    const takeSlashes = hasSlashes ? new Set(routes.filter((route) => route.allowsSlashes(segments))) : undefined;
    const fresh = { routes, takeSlashes };
    if (target.length <= knownTargetLength) this.#known.set(path, fresh);
    return fresh;
  }
}

function misplacedSlash(): Error {
  return ambiguousPath('an encoded slash outside a name');
}
