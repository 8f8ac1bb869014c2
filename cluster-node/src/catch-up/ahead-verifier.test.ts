import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import { AheadVerifier } from './ahead-verifier.ts';

const log = new OriginLog('origin');
const heads = Array.from({ length: 20 }, () => log.segment([{}]).segment.head);
const [head] = heads;
assert.ok(head !== undefined);
const otherKey = new OriginLog('another').segment([{}]).segment.head.publicKey;

const unsound = {
  'an altered size': { ...head, size: 2 },
  'no signature': { ...head, signature: new Uint8Array(64) },
  'a signature that is too short': { ...head, signature: head.signature.subarray(1) },
  "another origin's key": { ...head, publicKey: otherKey },
  'a key that is none': { ...head, publicKey: new Uint8Array(31) },
};

test('takes sound heads, checked ahead or not', async () => {
  const verifier = new AheadVerifier();
  await verifier.verifyAhead(heads.slice(0, 10));
  for (const one of heads) assert.ok(verifier.verify(one));
});

for (const [what, bad] of Object.entries(unsound)) {
  test(`refuses a head with ${what}, checked ahead or not`, async () => {
    const verifier = new AheadVerifier();
    assert.equal(verifier.verify(bad), false);
    await verifier.verifyAhead([head, bad]);
    assert.equal(verifier.verify(bad), false);
  });
}

test('believes nothing of a head because one like it was sound', async () => {
  const verifier = new AheadVerifier();
  await verifier.verifyAhead([head]);
  assert.equal(verifier.verify({ ...head, signature: new Uint8Array(64) }), false);
});
