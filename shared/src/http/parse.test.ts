import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { publishRequestSchema } from '../contracts/node-api.ts';
import { wholeNumber } from '../contracts/whole-number.ts';
import { parseInput } from './parse.ts';

const draft = { topic: 'a', body: 'x' };

/** What a client is told of a publish. */
const said: readonly (readonly [input: unknown, message: string])[] = [
  [null, 'input: expected an object, found null'],
  [[], 'input: expected an object, found a list'],
  [{ messages: [{ body: 'x' }] }, 'input: messages.0.topic: expected a string, found nothing'],
  [{ messages: [{ ...draft, body: 3 }] }, 'input: messages.0.body: expected a string, found 3'],
  [{ messages: [{ ...draft, key: {} }] }, 'input: messages.0.key: expected a string, found an object'],
  [{ messages: [{ ...draft, key: '' }] }, 'input: messages.0.key: expected at least 1 character, found 0'],
  [
    { messages: [{ ...draft, contentType: 'x'.repeat(200) }] },
    'input: messages.0.contentType: expected at most 128 characters, found 200',
  ],
  [{ messages: [{ ...draft, nope: 1 }] }, 'input: messages.0: expected no member called "nope"'],
  [
    { messages: [{ ...draft, headers: { A: 'x' } }] },
    'input: messages.0.headers.A: expected a lower-case header name, found "A"',
  ],
  [{ messages: [] }, 'input: messages: expected 1 to 256 messages, found none'],
  [
    { messages: [{ topic: 'a b', body: '' }] },
    'input: messages.0.topic: expected 1 to 200 characters of A-Z a-z 0-9 . _ : / -, found "a b"',
  ],
  [
    { messages: [{ ...draft, contentType: 'a\n\0' }] },
    'input: messages.0.contentType: expected a media type such as text/plain; charset=utf-8, found "a\\n\\u0000"',
  ],
  [{ messages: [draft], acks: 0 }, 'input: acks: expected at least 1, found 0'],
  [{ messages: [draft], acks: 1.5 }, 'input: acks: expected a whole number, found 1.5'],
  [{ messages: [draft], acks: '1' }, 'input: acks: expected a number, found a string'],
];

test('a refusal says what was expected and what was found', () => {
  for (const [input, message] of said) {
    const refusal = { code: 'INVALID_ARGUMENT', message: `${message}.` };
    assert.throws(() => parseInput(publishRequestSchema, input, 'input'), refusal);
  }
});

test('a refusal of a value in a query does so as well, and does not repeat long ones', () => {
  const query = z.strictObject({ limit: wholeNumber(1, 100).optional(), order: z.enum(['up', 'down']).optional() });
  const refused = [
    [{ limit: '0' }, 'query: limit: expected a whole number from 1 to 100, found 0.'],
    [{ limit: '-1' }, 'query: limit: expected a whole number from 1 to 100, found "-1".'],
    [{ limit: ['1', '2'] }, 'query: limit: expected a whole number from 1 to 100, found a list of 2.'],
    [{ limit: '1'.repeat(61) }, 'query: limit: expected a whole number from 1 to 100, found 61 characters.'],
    [{ order: 'left' }, 'query: order: expected "up" or "down", found "left".'],
  ] as const;
  for (const [input, message] of refused) assert.throws(() => parseInput(query, input, 'query'), { message });
});
