import type { Member } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { NodeService } from '../node-service.ts';

/** The member called `name`, whatever its state. Throws `NOT_FOUND` when this node knows none. */
export function requireMember(service: NodeService, name: string): Member {
  const members = service.members();
  const found = members.find((member) => member.name === name);
  if (found !== undefined) return found;
  throw new GrapevineError(
    'NOT_FOUND',
    `Found no member ${JSON.stringify(name)}; node ${service.name} knows ${members.length} members.`,
  );
}
