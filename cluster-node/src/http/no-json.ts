import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** What is wrong with a request whose body was not sent as JSON. */
export function noJson(contentType = 'none'): GrapevineError {
  return new GrapevineError('UNSUPPORTED_MEDIA_TYPE', `Found content type ${contentType}; expected application/json.`);
}
