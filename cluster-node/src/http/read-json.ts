import { parseJson, requireJson } from '@grapevine/shared/http/parse-json.ts';
import { type RequestHandler, raw } from 'express';

/**
 * Reads a body of at most `maxBytes` into `request.body` as what its JSON says. Throws `UNSUPPORTED_MEDIA_TYPE` for what was
 * not sent as plain JSON, `PAYLOAD_TOO_LARGE` over the limit, and `INVALID_JSON` as `parseJson` does.
 */
export function readJson(maxBytes: number): readonly RequestHandler[] {
  const onlyJson: RequestHandler = (request, _response, next) => {
    requireJson(request.headers['content-type']);
    next();
  };
  const parse: RequestHandler = (request, _response, next) => {
    request.body = parseJson(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    next();
  };
  return [onlyJson, raw({ type: () => true, limit: maxBytes, inflate: false }), parse];
}
