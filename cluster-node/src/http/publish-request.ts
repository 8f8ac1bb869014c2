import { type PublishRequest, publishRequestSchema } from '@grapevine/shared/contracts/node-api.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';

/** The publish request in a parsed body. Throws `INVALID_TOPIC` when topic names are all that is wrong, `INVALID_ARGUMENT` for anything else. */
export function parsePublish(body: unknown): PublishRequest {
  return parseInput(publishRequestSchema, body, 'request', (issues) => {
    const onlyTopics = issues.every(({ path }) => path.length === 3 && path[2] === 'topic');
    return onlyTopics ? 'INVALID_TOPIC' : 'INVALID_ARGUMENT';
  });
}
