import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { areMessages } from './are-messages.ts';
import { type Message, messageSchema } from './node-api.ts';

const message: Message = {
  id: '0123456789abcdef'.repeat(4),
  origin: 'fedcba9876543210'.repeat(2),
  seq: 7,
  hlc: '018bcfe568000001',
  topic: 'news',
  author: 'ada',
  contentType: 'text/plain',
  headers: { lang: 'en' },
  key: null,
  body: 'hello',
};

/** What may stand in place of a member's value, or of a message. */
const anything = fc.oneof(
  fc.anything(),
  fc.constantFrom(undefined, null, '', 'text', 0, -1, 0.5, 2 ** 53, {}, [], ['text'], { name: 1 }, { name: 'text' }),
  fc.constantFrom(message.id, message.origin, message.hlc, message.id.toUpperCase(), `${message.hlc}\n`),
);

test('a list is taken exactly when the schema takes each of its items', () => {
  assert.ok(areMessages([message, message]));
  const changed = fc
    .tuple(fc.constantFrom(...Object.keys(message)), anything)
    .map(([member, value]) => ({ ...message, [member]: value }));
  const missing = fc.constantFrom(...Object.keys(message)).map((member) => {
    const { [member as keyof Message]: _gone, ...rest } = message;
    return rest;
  });
  const items = fc.array(fc.oneof(fc.constant(message), changed, missing, anything), { maxLength: 3 });
  fc.assert(
    fc.property(items, (list) => {
      assert.equal(
        areMessages(list),
        list.every((item) => messageSchema.safeParse(item).success),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('what is no list is not taken', () => {
  for (const value of [undefined, null, {}, 'text', { length: 0 }]) assert.equal(areMessages(value), false);
});
