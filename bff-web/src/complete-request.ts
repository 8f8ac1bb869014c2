import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Request, RequestHandler } from 'express';
import { graphQLErrorOf } from './graphql-errors.ts';
import type { GraphQLRequest, PersistedOperations } from './persisted-operations.ts';

/**
 * Puts the document into a request that names a persisted one, of a POST into its body and of a GET into its query. Refusals
 * have the form of GraphQL errors, in which clients look for them.
 */
export function completeRequest(operations: PersistedOperations): RequestHandler {
  return (request, response, next) => {
    try {
      if (request.method === 'POST') request.body = operations.resolve(request.body);
      if (request.method === 'GET') completeQuery(request, operations);
      next();
    } catch (error) {
      if (!(error instanceof GrapevineError)) throw error;
      response.status(error.status).json({ errors: [graphQLErrorOf(error)] });
    }
  };
}

function completeQuery(request: Request, operations: PersistedOperations): void {
  const at = new URL(request.originalUrl, 'http://web');
  const query = at.searchParams.get('query') ?? undefined;
  const given = at.searchParams.get('extensions');
  const extensions = given === null ? {} : { extensions: parsed(given) };
  const complete: GraphQLRequest = operations.resolve({ query, ...extensions });
  if (complete['query'] === query) return;
  at.searchParams.set('query', String(complete['query']));
  at.searchParams.delete('extensions');
  if (complete['extensions'] !== undefined) at.searchParams.set('extensions', JSON.stringify(complete['extensions']));
  request.url = at.pathname + at.search;
  request.originalUrl = request.url;
}

/** What does not parse is refused later, with everything else that is wrong with a query. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
