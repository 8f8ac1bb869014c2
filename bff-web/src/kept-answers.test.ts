import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { type KeptAnswer, KeptAnswers } from './kept-answers.ts';

const origin = 'a'.repeat(32);

function answer(digest: string, size: number, bytes = 10): KeptAnswer {
  const vector = new Map([[origin, size]]);
  const state = { topic: 't', digest };
  return {
    body: Buffer.alloc(bytes),
    sources: [{ ...state, token: encodeToken(vector) }],
    states: [{ ...state, vector }],
  };
}

test('an answer is there while its topic stands, and covers what is asked for', () => {
  let standing = 'one';
  const kept = new KeptAnswers({ stands: ({ digest }) => digest === standing });
  kept.keep('q', answer('one', 5));
  assert.ok(kept.get('q', undefined));
  assert.equal(kept.get('other', undefined), undefined);
  assert.ok(kept.get('q', new Map([[origin, 5]])));
  assert.equal(kept.get('q', new Map([[origin, 6]])), undefined);
  standing = 'two';
  assert.equal(kept.get('q', undefined), undefined);
  kept.keep('q', answer('two', 6));
  assert.ok(kept.get('q', new Map([[origin, 6]])));
});

test('the memory is bounded: what nobody asked for the longest goes first, and what is too large is not kept', () => {
  const kept = new KeptAnswers({ stands: () => true });
  kept.keep('first', answer('one', 1, 200_000));
  for (let i = 0; i < 300; i++) {
    kept.keep(`q${i}`, answer('one', 1, 200_000));
    assert.ok(kept.get('first', undefined), 'it is asked for all the time');
  }
  assert.ok(kept.bytes <= 32 * 1024 * 1024);
  assert.equal(kept.get('q0', undefined), undefined);
  assert.ok(kept.get('q299', undefined));
  const before = kept.bytes;
  kept.keep('q299', answer('one', 1, 200_000));
  assert.equal(kept.bytes, before);
  kept.keep('large', answer('one', 1, 300_000));
  assert.equal(kept.get('large', undefined), undefined);
});
