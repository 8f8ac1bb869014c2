import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseJson } from '@grapevine/shared/http/parse-json.ts';
import express, { type RequestHandler } from 'express';

/**
 * Reads the body of a POST as a JSON object into `request.body`. Refuses other content types with
 * `UNSUPPORTED_MEDIA_TYPE` (a form on any page could post those without the browser asking first: CSRF), more than
 * `maxBytes` with `PAYLOAD_TOO_LARGE`, what does not parse or is no UTF-8 with `INVALID_JSON` (malformed bytes would be
 * stored as other characters), and JSON that is no GraphQL request with `BAD_REQUEST`.
 */
export function readJson(maxBytes: number): RequestHandler[] {
  const onlyJson: RequestHandler = (request, _response, next) => {
    if (request.method !== 'POST' || request.is(['application/json', 'application/graphql+json'])) return next();
    const found = request.headers['content-type'] ?? 'none';
    throw new GrapevineError('UNSUPPORTED_MEDIA_TYPE', `Expected content type application/json, found ${found}.`);
  };
  const parse: RequestHandler = (request, _response, next) => {
    if (request.method === 'POST') request.body = parseObject(request.body);
    next();
  };
  return [onlyJson, express.raw({ type: () => true, limit: maxBytes, inflate: false }), parse];
}

function parseObject(body: unknown): object {
  const parsed = parseJson(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
  if (typeof parsed === 'object' && parsed !== null && ('query' in parsed || 'extensions' in parsed)) return parsed;
  throw new GrapevineError(
    'BAD_REQUEST',
    'Expected a JSON object with the member query, or extensions that name a persisted one. Batches are not supported.',
  );
}
