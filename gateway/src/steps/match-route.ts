import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { EdgeRequest, Step } from '../request-context.ts';
import type { Route } from '../routes/route.ts';
import type { RouteTable } from '../routes/route-table.ts';

/** Finds the request's route, so that the steps after it know what it needs; answers redirects itself. */
export function matchRoute(table: RouteTable): Step {
  return (request, response, next) => {
    const { context } = request;
    const route = routeOf(request, table);
    context.route = route;
    context.answerHeaders.push(...route.versionHeaders);
    const { redirect, webSockets } = route.config;
    if (context.upgrade !== undefined && !webSockets) {
      throw new GrapevineError('UPGRADE_REFUSED', 'This path does not open WebSockets.');
    }
    if (redirect === undefined) next();
    else response.writeHead(302, [...context.answerHeaders, 'location', redirect, 'content-length', '0']).end();
  };
}

function routeOf(request: EdgeRequest, table: RouteTable): Route {
  const match = table.find(request);
  if ('route' in match) return match.route;
  const [route] = match.otherMethods;
  if (route === undefined) throw new GrapevineError('NOT_FOUND', 'Nothing is served under this path.');
  request.context.route = route;
  const allowed = [...new Set(match.otherMethods.flatMap(({ config }) => config.methods))].join(', ');
  request.context.answerHeader('allow', allowed);
  throw new GrapevineError('METHOD_NOT_ALLOWED', `Found ${request.method}; expected one of ${allowed}.`);
}
