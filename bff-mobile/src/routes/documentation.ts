import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Router } from 'express';
import { openApiDocument } from '../openapi/document.ts';
import { openApiPage, pagePolicy } from '../openapi/page.ts';

/** Checked again after so long, in seconds: it changes with the version of the service and with nothing else. */
const maxAgeSeconds = 300;

/** `GET /openapi.json` and `GET /docs`: what the API is. Open to everybody, since they tell nothing of what is stored. */
export function serveDocumentation(router: Router): void {
  const documents = {
    '/openapi.json': { type: 'application/json', text: JSON.stringify(openApiDocument()), policy: undefined },
    '/docs': { type: 'text/html; charset=utf-8', text: openApiPage(), policy: pagePolicy },
  };
  for (const [path, { type, text, policy }] of Object.entries(documents)) {
    const route = router.route(path);
    route.get((_request, response) => {
      response.set({ 'Cache-Control': `public, max-age=${maxAgeSeconds}`, 'Content-Type': type });
      response.set('Vary', 'accept-encoding');
      if (policy !== undefined) response.set('Content-Security-Policy', policy);
      response.send(text);
    });
    route.all((request, response) => {
      response.set('Allow', 'GET, HEAD');
      throw new GrapevineError('METHOD_NOT_ALLOWED', `Found ${request.method}; expected one of GET, HEAD.`);
    });
  }
}
