import { type PublishRequest, publishRequestSchema } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { describeIssues } from '@grapevine/shared/http/parse.ts';
import type { Request } from 'express';
import { noJson } from './no-json.ts';

/**
 * The publish request in a parsed JSON body. Throws `UNSUPPORTED_MEDIA_TYPE` when the body was not sent as JSON,
 * `INVALID_TOPIC` when topic names are all that is wrong, `INVALID_ARGUMENT` for anything else.
 */
export function parsePublish(request: Request): PublishRequest {
  const body: unknown = request.body;
  if (body === undefined) throw noJson(request.get('content-type'));
  const parsed = publishRequestSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const onlyTopics = issues.every(({ path }) => path.length === 3 && path[2] === 'topic');
  const detail = `body: ${describeIssues(issues)}`;
  throw new GrapevineError(onlyTopics ? 'INVALID_TOPIC' : 'INVALID_ARGUMENT', detail);
}
