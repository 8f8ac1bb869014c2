import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { RequestHandler } from 'express';

const stream = 'text/event-stream';
const answers = ['application/json', 'application/graphql-response+json', stream, 'multipart/mixed'];

/** Throws `NOT_ACCEPTABLE` before anything is executed when no form of an answer would be accepted. */
export const requireAcceptable: RequestHandler = (request, _response, next) => {
  if (request.accepts(answers) === false) throw notAcceptable(answers.slice(0, 3).join(' or '), request.get('accept'));
  next();
};

/** Why there is no subscription for a request with this `Accept` header; `undefined` when there may be one. */
export function noStreamFor(accept: string | null): GrapevineError | undefined {
  const accepted = accept === null || [stream, 'text/*', '*/*'].some((type) => accept.includes(type));
  return accepted ? undefined : notAcceptable(`${stream}, in which subscriptions come`, accept);
}

function notAcceptable(allowed: string, found: string | null | undefined): GrapevineError {
  return new GrapevineError('NOT_ACCEPTABLE', `Expected an Accept header that allows ${allowed}; found ${found}.`);
}
