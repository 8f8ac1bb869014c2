import { limits } from '@grapevine/shared/contracts/limits.ts';
import { type PublishRequest, publishRequestSchema } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { describeIssues } from '@grapevine/shared/http/parse.ts';
import { entryLimits } from '@grapevine/shared/log/entry.ts';
import type { Request } from 'express';

/** Characters of an explanation: the names of a caller's unknown fields could make it as long as the request. */
const maxDetail = 1_000;

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
  const detail = `body: ${describeIssues(issues)}`.slice(0, maxDetail);
  throw new GrapevineError(onlyTopics ? 'INVALID_TOPIC' : 'INVALID_ARGUMENT', detail);
}

function noJson(request: Request): GrapevineError {
  const found = request.get('content-type') ?? 'none';
  return new GrapevineError('UNSUPPORTED_MEDIA_TYPE', `Found content type ${found}; expected application/json.`);
}

/**
 * Counts what a request may hold any number of. The schema counts too, but only after it has made a note for every bad
 * element: hundreds of thousands of them overflow its stack.
 */
function refuseFlood(body: unknown): void {
  const messages = memberOf(body, 'messages');
  if (!Array.isArray(messages)) return;
  requireAtMost('messages', messages.length, limits.publishBatch);
  for (const [i, message] of messages.entries()) {
    const headers = memberOf(message, 'headers');
    if (typeof headers === 'object' && headers !== null) {
      requireAtMost(`messages.${i}.headers`, Object.keys(headers).length, entryLimits.headers);
    }
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function requireAtMost(what: string, found: number, most: number): void {
  if (found <= most) return;
  throw new GrapevineError('INVALID_ARGUMENT', `body: ${what}: found ${found}, expected at most ${most}.`);
}
