import { limits } from '@grapevine/shared/contracts/limits.ts';
import { type PublishRequest, publishRequestSchema } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { describeIssues } from '@grapevine/shared/http/parse.ts';
import type { Request } from 'express';

/**
 * The publish request in a parsed JSON body. Throws `UNSUPPORTED_MEDIA_TYPE` when the body was not sent as JSON,
 * `INVALID_TOPIC` when topic names are all that is wrong, `INVALID_ARGUMENT` for anything else.
 */
export function parsePublish(request: Request): PublishRequest {
  const body: unknown = request.body;
  if (body === undefined) throw noJson(request);
  refuseFlood(body);
  const parsed = publishRequestSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const onlyTopics = issues.every(({ path }) => path.length === 3 && path[2] === 'topic');
  throw new GrapevineError(onlyTopics ? 'INVALID_TOPIC' : 'INVALID_ARGUMENT', `body: ${describeIssues(issues)}`);
}

function noJson(request: Request): GrapevineError {
  const found = request.get('content-type') ?? 'none';
  return new GrapevineError('UNSUPPORTED_MEDIA_TYPE', `Found content type ${found}; expected application/json.`);
}

/** The schema makes a note for every bad element before it counts them: millions of them would take all memory. */
function refuseFlood(body: unknown): void {
  const messages = (body as { messages?: unknown } | null)?.messages;
  if (Array.isArray(messages) && messages.length > limits.publishBatch) {
    throw new GrapevineError(
      'INVALID_ARGUMENT',
      `body: messages: found ${messages.length}, expected at most ${limits.publishBatch}.`,
    );
  }
}
