import type { CorsConfig } from '@grapevine/shared/config/cors-schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { RequestContext, Step } from '../request-context.ts';

/**
 * Says which pages of other origins may call and read answers (the CORS protocol of the Fetch standard), and answers what
 * browsers ask before they call. An origin that is not listed gets no such word, so that its browser keeps the answer from it.
 */
export function cors(config: CorsConfig | undefined): Step {
  if (config === undefined) return (_request, _response, next) => next();
  const origins = new Set(config.origins);
  const isOpen = origins.has('*');
  return ({ context, headers, method }, response, next) => {
    // Also where no origin is named: a cache must not give that answer to a page.
    context.answerHeader('vary', 'origin');
    const { origin } = headers;
    if (origin === undefined) return next();
    const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
    if (isOpen || origins.has(origin)) allow(context, config, isOpen ? '*' : origin);
    else if (isPreflight) throw new GrapevineError('FORBIDDEN', 'Pages of this origin may not call here.');
    if (!isPreflight) return next();
    context.answerHeader('vary', 'origin, access-control-request-method, access-control-request-headers');
    response.writeHead(204, [
      ...context.answerHeaders,
      'access-control-allow-methods',
      config.methods.join(', '),
      'access-control-allow-headers',
      config.requestHeaders.join(', '),
      'access-control-max-age',
      String(config.maxAgeSeconds),
    ]);
    response.end();
  };
}

function allow(context: RequestContext, { credentials, exposedHeaders }: CorsConfig, origin: string): void {
  context.answerHeader('access-control-allow-origin', origin);
  if (credentials) context.answerHeader('access-control-allow-credentials', 'true');
  if (exposedHeaders.length > 0) context.answerHeader('access-control-expose-headers', exposedHeaders.join(', '));
  // Listed pages may read even what they ask for without CORS.
  context.answerHeader('cross-origin-resource-policy', 'cross-origin');
}
