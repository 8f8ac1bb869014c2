import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { IRouter, RequestHandler, Response } from 'express';

/** What a resource does for each method; `get` answers HEAD as well. Steps run in order. */
export interface Methods {
  readonly get?: readonly RequestHandler[];
  readonly post?: readonly RequestHandler[];
}

/** Puts a resource at `path`. Methods that it does not have get 405 and an `Allow` header (RFC 9110 section 15.5.6). */
export function resource(router: IRouter, path: string, methods: Methods): void {
  const route = router.route(path);
  const allowed: string[] = [];
  if (methods.get !== undefined) {
    route.get(...methods.get);
    allowed.push('GET', 'HEAD');
  }
  if (methods.post !== undefined) {
    route.post(...methods.post);
    allowed.push('POST');
  }
  route.all((request, response) => {
    response.set('allow', allowed.join(', '));
    throw new GrapevineError(
      'METHOD_NOT_ALLOWED',
      `Found ${request.method} on ${path}; expected ${allowed.join(' or ')}.`,
    );
  });
}

/** The path parameter `name`. A route that does not declare it is a mistake in this program, not in the request. */
export function pathParameter(params: Readonly<Record<string, string | string[] | undefined>>, name: string): string {
  const value = params[name];
  if (typeof value !== 'string') throw new RangeError(`This route has no path parameter ${name}.`);
  return value;
}

/** Answers with `text`, which is JSON. */
export function sendJsonText(response: Response, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

export function sendJson(response: Response, status: number, value: unknown): void {
  sendJsonText(response, status, JSON.stringify(value));
}
