import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage, encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import fc from 'fast-check';
import { messages } from './arbitrary-messages.ts';

test('every message comes back as it was', () => {
  fc.assert(
    fc.property(messages, (message) => assert.deepEqual(decodeMessage(encodeMessage(message)), message)),
    {
      numRuns: 300,
    },
  );
});

test('no message is the beginning of another', () => {
  fc.assert(
    fc.property(messages, fc.nat(), (message, cut) => {
      const bytes = encodeMessage(message);
      assert.throws(() => decodeMessage(bytes.subarray(0, cut % bytes.length)), DecodeError);
    }),
    { numRuns: 300 },
  );
});
