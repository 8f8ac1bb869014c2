import { catalogue, type ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Router } from 'express';
import { z } from 'zod';
import { type OutboxItem, outboxBodySchema, outboxItemSchema, publishQuerySchema } from '../contract/requests.ts';
import { outboxResultSchema, type outboxSchema } from '../contract/responses.ts';
import type { Context } from '../resolvers.ts';
import { type ResourcePorts, serveResource } from '../resource.ts';
import { run, storedDocument } from '../stored-documents.ts';

const publishedBatchSchema = z.object({
  results: z.array(outboxResultSchema.options[0].omit({ idempotencyKey: true })),
  token: z.string(),
});
const outbox = storedDocument('outbox', z.object({ publishAll: publishedBatchSchema }));

type WriteConcern = z.output<typeof publishQuerySchema>;
type Result = z.output<typeof outboxResultSchema>;

/** An item of the request at its place: what it asks for, or why that is refused. */
type Slot = { readonly item: OutboxItem } | { readonly refused: Result };

/**
 * `POST /outbox?acks=&timeoutMs=` `{"items": [{topic, body, idempotencyKey, …}]}`: what was written offline, oldest first. Items that
 * cannot be taken get an error of their own; the others are accepted together and in order, so that one device's messages
 * stay in the order in which they were written. The whole may be sent again: what arrived before is answered as before.
 */
export function serveOutbox(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/outbox', ports, {
    post: {
      scope: 'messages:write',
      async handle(request, response, context) {
        const concern = parseInput(publishQuerySchema, request.query, 'query');
        const { items } = parseInput(outboxBodySchema, await ports.readJson(request, response), 'request');
        const answer = await deliver(items.map(slotOf), concern, context);
        if (answer.token !== undefined) response.set('Grapevine-Consistency', answer.token);
        response.json(answer);
      },
    },
  });
}

function slotOf(input: unknown, index: number): Slot {
  try {
    return { item: parseInput(outboxItemSchema, input, `items.${index}`, codeOf) };
  } catch (error) {
    return { refused: refusal(keyOf(input), error) };
  }
}

/** A refused name of a topic has a code of its own, here as in a publish. */
function codeOf(issues: readonly z.core.$ZodIssue[]): ErrorCode {
  return issues.every(({ path: [field] }) => field === 'topic') ? 'INVALID_TOPIC' : 'INVALID_ARGUMENT';
}

/**
 * Publishes what is sound, all together: one origin takes it, in order. When the node refuses one message, which it does
 * with the whole batch, that one gets the error and the rest is tried again. Throws, for the whole to be sent again, when the
 * cluster cannot take anything.
 */
async function deliver(
  slots: readonly Slot[],
  concern: WriteConcern,
  context: Context,
): Promise<z.output<typeof outboxSchema>> {
  const results = slots.map((slot) => ('refused' in slot ? slot.refused : undefined));
  let open = slots.flatMap((slot, place) => ('item' in slot ? [{ ...slot, place }] : []));
  let token: string | undefined;
  while (open.length > 0) {
    try {
      const messages = open.map(({ item }) => item);
      const { publishAll } = await run(outbox, { messages, ...concern }, context);
      for (const [i, { item, place }] of open.entries()) {
        const published = publishAll.results[i];
        if (published !== undefined) results[place] = { idempotencyKey: item.idempotencyKey, ...published };
      }
      token = publishAll.token;
      open = [];
    } catch (error) {
      const refused = open[refusedMessageOf(error) ?? -1];
      if (refused === undefined) throw error;
      results[refused.place] = refusal(refused.item.idempotencyKey, error);
      open = open.filter((slot) => slot !== refused);
    }
  }
  return { results: results.filter((result) => result !== undefined), ...(token === undefined ? {} : { token }) };
}

/** Which message of a batch a node refused, if that is what `error` says. */
function refusedMessageOf(error: unknown): number | undefined {
  if (!(error instanceof GrapevineError)) return undefined;
  const parsed = z.object({ message: z.int().min(0) }).safeParse(error.extensions);
  return parsed.success ? parsed.data.message : undefined;
}

function refusal(idempotencyKey: string | undefined, error: unknown): Result {
  if (!(error instanceof GrapevineError)) throw error;
  const { title, retryable } = catalogue[error.code];
  const details = { code: error.code, title, detail: error.message, retryable };
  return { ...(idempotencyKey === undefined ? {} : { idempotencyKey }), error: details };
}

/** The key of an item that is refused, if it has one that the author can recognise it by. */
function keyOf(input: unknown): string | undefined {
  const parsed = z.object({ idempotencyKey: z.string().max(128) }).safeParse(input);
  return parsed.success ? parsed.data.idempotencyKey : undefined;
}
