import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishRequestSchema } from '../contracts/node-api.ts';
import { parseInput } from './parse.ts';

const draft = { topic: 'a', body: 'x' };

/** What a client is told of a publish. */
const said: readonly (readonly [input: unknown, message: string])[] = [
  [null, 'input: expected an object, found null'],
  [[], 'input: expected an object, found a list'],
  [{ messages: [{ body: 'x' }] }, 'input: messages.0.topic: expected a string, found nothing'],
  [{ messages: [{ ...draft, body: 3 }] }, 'input: messages.0.body: expected a string, found 3'],
  [{ messages: [{ ...draft, key: {} }] }, 'input: messages.0.key: expected a string, found an object'],
  [{ messages: [{ ...draft, key: '' }] }, 'input: messages.0.key: expected at least 1 characters, found 0'],
  [
    { messages: [{ ...draft, contentType: 'x'.repeat(200) }] },
    'input: messages.0.contentType: expected at most 128 characters, found 200',
  ],
  [{ messages: [{ ...draft, nope: 1 }] }, 'input: messages.0: expected no member called "nope"'],
  [{ messages: [{ ...draft, headers: { A: 'x' } }] }, 'input: messages.0.headers.A: expected a lower-case header name'],
  [{ messages: [] }, 'input: messages: expected 1 to 256 messages'],
  [{ messages: [draft], acks: 0 }, 'input: acks: expected at least 1, found 0'],
  [{ messages: [draft], acks: 1.5 }, 'input: acks: expected a whole number, found 1.5'],
  [{ messages: [draft], acks: '1' }, 'input: acks: expected a number, found a string'],
];

test('a refusal says what was expected and what was found', () => {
  for (const [input, message] of said) {
    assert.throws(() => parseInput(publishRequestSchema, input, 'input'), { code: 'INVALID_ARGUMENT', message });
  }
});
