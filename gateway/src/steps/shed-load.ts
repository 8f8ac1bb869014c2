import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { LoadLimits, ShedReason } from '../load/load-limits.ts';
import type { Step } from '../request-context.ts';

/** Those who are turned away at the same moment must not come back at the same moment. */
const longestRetryAfterSeconds = 3;

const explanations: Readonly<Record<ShedReason, string>> = {
  'in-flight': 'The gateway has as many requests open as it may.',
  route: 'This route has as many requests open as it may.',
  'loop-delay': 'The gateway has more to do than it can.',
};

/**
 * Turns requests away while there is too much to do, before anything costly is done for them. After authentication, because
 * who calls decides: operators, and routes of high priority, are let in longer. A token that is known costs a look-up.
 */
export function shedLoad(limits: LoadLimits, random: Random): Step {
  return ({ context }, _response, next) => {
    const reason = limits.enter(context);
    if (reason !== undefined) {
      const retryAfterSeconds = 1 + random.below(longestRetryAfterSeconds);
      throw new GrapevineError('OVERLOADED', explanations[reason], { retryAfterSeconds });
    }
    context.whenOver.push(() => limits.leave(context));
    next();
  };
}
