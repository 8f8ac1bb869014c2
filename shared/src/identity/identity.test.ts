import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { ManualClock } from '../clock.ts';
import { type Audience, type Identity, IdentitySigner, IdentityVerifier } from './identity.ts';
import { fixedKey, type IdentityKeys, identityKeyOf } from './identity-keys.ts';

const passphrase = 'n3Zc0VbG7yqLhX2mWkT9sRjD5uPfA8eI';
const key = new Uint8Array(32).fill(1);
const otherKey = new Uint8Array(32).fill(2);
const ada: Identity = { subject: 'ada', scopes: ['messages:read'] };

/** A header that was signed at the start of `clock`. */
function signed(clock: ManualClock, keys: IdentityKeys = fixedKey(key), audience: Audience = 'node'): string {
  return new IdentitySigner(keys, audience, clock).sign(ada);
}

const refused = { code: 'UNAUTHENTICATED' };

describe('an identity header', () => {
  it('vouches for its subject and scopes', () => {
    const clock = new ManualClock();
    assert.deepEqual(new IdentityVerifier(fixedKey(key), 'node', clock).verify(signed(clock)), ada);
  });

  it('counts for one hop alone', () => {
    const clock = new ManualClock();
    assert.throws(() => new IdentityVerifier(fixedKey(key), 'bff', clock).verify(signed(clock)), refused);
  });

  it('can be used again for 35 seconds, clock skew included, and not later', () => {
    const clock = new ManualClock();
    const verifier = new IdentityVerifier(fixedKey(key), 'node', clock);
    const header = signed(clock);
    clock.advance(35_000);
    assert.deepEqual(verifier.verify(header), ada);
    clock.advance(1);
    assert.throws(() => verifier.verify(header), refused);
  });

  it('may come from a clock that is ahead by 5 seconds, and by no more', () => {
    const clock = new ManualClock();
    const verifier = new IdentityVerifier(fixedKey(key), 'node', clock);
    const header = signed(clock);
    clock.jumpWall(-5_000);
    assert.deepEqual(verifier.verify(header), ada);
    clock.jumpWall(-1);
    assert.throws(() => verifier.verify(header), refused);
  });

  it('is refused with any bit changed, cut off anywhere, or signed by another key', () => {
    const clock = new ManualClock();
    const verifier = new IdentityVerifier(fixedKey(key), 'node', clock);
    const header = signed(clock);
    for (let at = 0; at < header.length; at++) {
      const changed = `${header.slice(0, at)}${header[at] === 'A' ? 'B' : 'A'}${header.slice(at + 1)}`;
      // The last character of a part has bits that stand for nothing.
      if (changed !== header) assert.throws(() => verifier.verify(changed), refused, `${at}`);
      assert.throws(() => verifier.verify(header.slice(0, at)), refused, `${at}`);
    }
    assert.throws(() => verifier.verify(signed(clock, fixedKey(otherKey))), refused);
    assert.throws(() => verifier.verify(undefined), refused);
    assert.throws(() => verifier.verify('v1.'.padEnd(5_000, 'A')), refused);
  });

  it('is taken by every key that verifies, and made by the one that signs', () => {
    const clock = new ManualClock();
    const both = new IdentityVerifier({ signing: otherKey, verifying: [otherKey, key] }, 'node', clock);
    assert.deepEqual(both.verify(signed(clock)), ada);
    const header = signed(clock, { signing: otherKey, verifying: [key] });
    assert.deepEqual(both.verify(header), ada);
    assert.throws(() => new IdentityVerifier(fixedKey(key), 'node', clock).verify(header), refused);
  });
});

describe('signing', () => {
  it('makes one header a second for the same caller, and never one from the future', () => {
    const clock = new ManualClock();
    const signer = new IdentitySigner(fixedKey(key), 'bff', clock);
    const first = signer.sign(ada);
    clock.advance(999);
    assert.equal(signer.sign(ada), first);
    assert.notEqual(signer.sign({ ...ada, subject: 'bob' }), first);
    clock.advance(1);
    const second = signer.sign(ada);
    assert.notEqual(second, first);
    clock.jumpWall(-1);
    assert.notEqual(signer.sign(ada), second);
  });

  it('takes a new key at once', () => {
    const clock = new ManualClock();
    const keys = { signing: key, verifying: [] };
    const signer = new IdentitySigner(keys, 'node', clock);
    signer.sign(ada);
    keys.signing = otherKey;
    assert.deepEqual(new IdentityVerifier(fixedKey(otherKey), 'node', clock).verify(signer.sign(ada)), ada);
  });
});

describe('a key of identity headers', () => {
  it('is HKDF-SHA256 of the passphrase with the purpose as info', () => {
    // RFC 5869 spelled out for one block: extract with a salt of zeros, expand with info and the counter 1.
    const prk = createHmac('sha256', Buffer.alloc(32)).update(passphrase).digest();
    const expected = createHmac('sha256', prk).update('grapevine edge-identity\x01').digest();
    assert.deepEqual(Buffer.from(identityKeyOf(passphrase, 'edge-identity')), expected);
  });

  it('says nothing about those for other purposes', () => {
    assert.notDeepEqual(identityKeyOf(passphrase, 'edge-identity'), identityKeyOf(passphrase, 'node-identity'));
  });
});
