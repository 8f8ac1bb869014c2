import { type PublishRequest, publishRequestSchema } from '@grapevine/shared/contracts/node-api.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Request } from 'express';
import { noJson } from './no-json.ts';

/**
 * The publish request in a parsed JSON body. Throws `UNSUPPORTED_MEDIA_TYPE` when the body was not sent as JSON,
 * `INVALID_TOPIC` when topic names are all that is wrong, `INVALID_ARGUMENT` for anything else.
 */
export function parsePublish(request: Request): PublishRequest {
  const body: unknown = request.body;
  if (body === undefined) throw noJson(request.get('content-type'));
  return parseInput(publishRequestSchema, body, 'request', (issues) => {
    const onlyTopics = issues.every(({ path }) => path.length === 3 && path[2] === 'topic');
    return onlyTopics ? 'INVALID_TOPIC' : 'INVALID_ARGUMENT';
  });
}
