import type { PageRequest } from '@grapevine/shared/cluster-client/cluster-client.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { z } from 'zod';
import { builder, type FieldRules } from './builder.ts';

const MessageFilterType = builder.inputType('MessageFilter', {
  description:
    'Only messages that fit all of it. A replica looks at about 500 messages for a page: one of `author` or `key` may come with fewer items than asked for, or none, while `hasNextPage` is true and `endCursor` leads on (backwards `hasPreviousPage` and `startCursor`).',
  fields: (t) => ({
    author: t.string({ description: 'The principal that published it.' }),
    key: t.string(),
    from: t.field({ type: 'DateTime', description: 'Of this moment or later, by `createdAt`.' }),
    until: t.field({ type: 'DateTime', description: 'Before this moment.' }),
  }),
});
type MessageFilter = typeof MessageFilterType.$inferInput;

/** No author or key is longer, nor would another fit a URL. */
const nameSchema = z
  .string()
  .max(256)
  .refine((text) => text.isWellFormed(), 'expected well-formed Unicode, found a lone surrogate')
  .nullish();
const namesSchema = z.object({ author: nameSchema, key: nameSchema });

/** Looking for an author or a key takes a replica about as long as so many fields. */
const searchCost = 20;

/** For the rules of every field that takes a filter. */
export const filterCosts: NonNullable<FieldRules['argumentCosts']> = { filter: searchCost };

/** The argument of every field that pages through messages. */
export const filterArgument = () => builder.args((t) => ({ filter: t.field({ type: MessageFilterType }) }));

/** What a node is asked for. Clocks count whole milliseconds from 1970 on: earlier moments are as good as that one. */
export function readFilter(
  filter: MessageFilter | null | undefined,
): Pick<PageRequest, 'author' | 'key' | 'fromMs' | 'untilMs'> {
  const msOf = (moment: Date | null | undefined): number | undefined =>
    moment == null ? undefined : Math.max(0, moment.getTime());
  const { from, until } = filter ?? {};
  const { author, key } = parseInput(namesSchema, { author: filter?.author, key: filter?.key }, 'filter');
  return { author: author ?? undefined, key: key ?? undefined, fromMs: msOf(from), untilMs: msOf(until) };
}
