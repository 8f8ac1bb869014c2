import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Step } from '../request-context.ts';
import { pathSegments } from '../routes/request-target.ts';
import { findRoute, type Route } from '../routes/route-table.ts';

/** Finds the request's route, so that the steps after it know what it needs; answers redirects itself. */
export function matchRoute(routes: readonly Route[]): Step {
  return (request, response, next) => {
    const route = findRoute(routes, pathSegments(request.url), request);
    if (route === undefined) throw new GrapevineError('NOT_FOUND', 'Nothing is served under this path.');
    request.context.route = route;
    if (!route.methods.includes(request.method)) {
      const allowed = route.methods.join(', ');
      request.context.answerHeader('allow', allowed);
      throw new GrapevineError('METHOD_NOT_ALLOWED', `Found ${request.method}; expected one of ${allowed}.`);
    }
    if (request.context.upgrade !== undefined && route.webSockets !== true) {
      throw new GrapevineError('UPGRADE_REFUSED', 'This path does not open WebSockets.');
    }
    if ('redirect' in route.to) {
      const { answerHeaders } = request.context;
      response.writeHead(302, [...answerHeaders, 'location', route.to.redirect, 'content-length', '0']).end();
    } else {
      next();
    }
  };
}
