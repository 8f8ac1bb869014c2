import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { SignedHeadJson } from '../contracts/node-api.ts';
import type { ConsistencyProof, MessageProof } from '../contracts/proof.ts';
import { toHex } from '../log/bytes.ts';
import { type Entry, encodeEntry } from '../log/entry.ts';
import { headBytes, originIdOf } from '../log/head.ts';
import { hlcToHex } from '../log/hlc.ts';
import { referenceConsistency, referenceInclusion, referenceRoot } from '../merkle/reference-tree.fixture.ts';
import { nobleTreeHash as hash } from '../merkle/tree-hash.ts';
import { verifyConsistencyProof } from './verify-consistency.ts';
import { verifyMessageProof } from './verify-message.ts';

/** An origin with a log of 21 entries. */
class Origin {
  readonly #secret: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly id: string;
  readonly entries: readonly Entry[];
  readonly leaves: readonly Uint8Array[];

  constructor(seed: number) {
    this.#secret = new Uint8Array(32).fill(seed);
    this.publicKey = ed25519.getPublicKey(this.#secret);
    this.id = originIdOf(this.publicKey, sha256);
    this.entries = Array.from({ length: 21 }, (_, seq) => ({
      origin: this.id,
      seq,
      hlc: BigInt(seq),
      topic: 'orders',
      author: 'alice',
      contentType: 'text/plain',
      headers: { n: String(seq) },
      body: new TextEncoder().encode(`message ${seq} of ${seed}`),
    }));
    this.leaves = this.entries.map((entry) => hash.leaf(encodeEntry(entry)));
  }

  head(size: number, leaves = this.leaves): SignedHeadJson {
    const head = { origin: this.id, size, root: referenceRoot(hash, leaves.slice(0, size)), hlc: BigInt(size) };
    return {
      ...head,
      root: toHex(head.root),
      hlc: hlcToHex(head.hlc),
      publicKey: toHex(this.publicKey),
      signature: toHex(ed25519.sign(headBytes(head), this.#secret)),
    };
  }

  proof(seq: number, size: number): MessageProof {
    return {
      id: toHex(this.leaves[seq] ?? assert.fail()),
      origin: this.id,
      seq,
      treeSize: size,
      path: referenceInclusion(hash, seq, this.leaves.slice(0, size)).map(toHex),
      entry: encodeEntry(this.entries[seq] ?? assert.fail()).toBase64(),
      head: this.head(size),
    };
  }

  consistency(from: number, to: number): ConsistencyProof {
    const path = from === 0 ? [] : referenceConsistency(hash, from, this.leaves.slice(0, to));
    return { older: this.head(from), newer: this.head(to), path: path.map(toHex) };
  }
}

const origin = new Origin(7);
const other = new Origin(8);

test('a proof of every message is valid and gives back the entry', () => {
  for (const size of [1, 2, 8, 13, 21]) {
    for (const seq of [0, Math.floor(size / 2), size - 1]) {
      const result = verifyMessageProof(JSON.parse(JSON.stringify(origin.proof(seq, size))));
      assert.deepEqual(result, { valid: true, origin: origin.id, seq, entry: origin.entries[seq] });
    }
  }
});

test('a proof without the entry, which retention has erased, still proves the place of an id', () => {
  for (const entry of [null, undefined]) {
    const result = verifyMessageProof({ ...origin.proof(5, 13), entry });
    assert.deepEqual(result, { valid: true, origin: origin.id, seq: 5, entry: undefined });
  }
});

test('each step refuses what it is there for, and says so', () => {
  const good = origin.proof(5, 13);
  const wrongLeaves = origin.leaves.with(0, new Uint8Array(32));
  const noEntry = new TextEncoder().encode('no entry');
  const cases: [string, unknown, RegExp][] = [
    ['document', null, /the document: /],
    ['document', { ...good, path: 'none' }, /^path: /],
    ['document', { ...good, head: { ...good.head, root: 'AA' } }, /^head.root: .*64 hexadecimal/],
    ['document', { ...good, entry: 'Zh==' }, /./],
    ['id', { ...good, id: other.proof(5, 13).id }, /expected the id/],
    ['id', { ...good, entry: origin.proof(6, 13).entry }, /hash to/],
    ['entry', { ...good, id: toHex(hash.leaf(noEntry)), entry: noEntry.toBase64() }, /version 1, found 110/],
    ['position', { ...good, seq: 4 }, /same seq everywhere, found 4 in the document, 5 in the entry/],
    ['position', { ...good, origin: other.id }, /same origin/],
    ['position', { ...good, head: other.head(13) }, /in the head/],
    ['position', { ...good, treeSize: 12 }, /same tree size/],
    ['path', { ...good, path: good.path.slice(1) }, /entry 5 to the root of 13/],
    ['path', { ...good, path: Array.from({ length: 49 }, () => good.id) }, /does not lead/],
    ['path', { ...good, head: origin.head(13, wrongLeaves) }, /does not lead/],
    ['public-key', { ...good, head: { ...good.head, publicKey: other.head(13).publicKey } }, /belongs to origin/],
    ['signature', { ...good, head: { ...good.head, signature: origin.head(12).signature } }, /not that of origin/],
    ['signature', { ...good, head: { ...good.head, hlc: '00000000000000ff' } }, /over this head/],
  ];
  for (const [step, document, reason] of cases) {
    const result = verifyMessageProof(document);
    assert.ok(!result.valid, step);
    assert.equal(result.step, step, result.reason);
    assert.match(result.reason, reason);
  }
});

test('no field of a message proof can be changed', () => {
  let damaged = 0;
  const proofs = [origin.proof(0, 1), origin.proof(5, 13), origin.proof(12, 13), origin.proof(20, 21)];
  for (const proof of [...proofs, { ...origin.proof(5, 13), entry: null }]) {
    for (const [place, document] of mutations(proof)) {
      // Then it proves less, and says so.
      if (place === 'entry missing') continue;
      assert.equal(verifyMessageProof(document).valid, false, place);
      damaged++;
    }
  }
  assert.ok(damaged >= 200, `${damaged} damaged proofs`);
});

test('growth between any two heads is proven', () => {
  for (const [from, to] of [
    [0, 5],
    [1, 2],
    [5, 13],
    [8, 16],
    [13, 13],
    [20, 21],
  ] as const) {
    const result = verifyConsistencyProof(JSON.parse(JSON.stringify(origin.consistency(from, to))));
    assert.ok(result.valid, `${from} to ${to}`);
    assert.equal(result.newer.size, to);
  }
});

test('no field of a consistency proof can be changed', () => {
  let damaged = 0;
  for (const proof of [origin.consistency(5, 13), origin.consistency(8, 16), origin.consistency(20, 21)]) {
    for (const [place, document] of mutations(proof)) {
      assert.equal(verifyConsistencyProof(document).valid, false, place);
      damaged++;
    }
  }
  assert.ok(damaged >= 200, `${damaged} damaged proofs`);
});

test('an origin that signs two stories is told from a forged head', () => {
  const rewritten = origin.leaves.with(2, new Uint8Array(32));
  const good = origin.consistency(5, 13);
  const cases: [string, unknown][] = [
    ['path', { ...good, newer: origin.head(13, rewritten) }],
    ['position', { ...good, older: good.newer, newer: good.older }],
    ['position', { ...good, newer: other.head(13) }],
    ['signature', { ...good, newer: { ...good.newer, root: good.older.root } }],
    ['public-key', { ...good, older: { ...other.head(5), origin: origin.id } }],
    ['document', { ...good, path: undefined }],
  ];
  for (const [step, document] of cases) {
    const result = verifyConsistencyProof(document);
    assert.equal(result.valid ? 'valid' : result.step, step);
  }
});

test('the largest entry is checked, too', () => {
  const entry: Entry = { ...(origin.entries[0] ?? assert.fail()), body: new Uint8Array(1024 * 1024) };
  const bytes = encodeEntry(entry);
  const leaf = hash.leaf(bytes);
  const document = { ...origin.proof(0, 1), id: toHex(leaf), entry: bytes.toBase64(), head: origin.head(1, [leaf]) };
  assert.equal(verifyMessageProof(document).valid, true);
});

/** The document once without each value in it, once with that value replaced, and for text with each of some characters changed. */
function* mutations(document: unknown): Generator<[place: string, mutated: unknown]> {
  for (const path of placesIn(document, [])) {
    const name = path.join('.');
    yield [`${name} missing`, replaced(document, path, undefined)];
    const value = path.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document);
    if (typeof value === 'number') {
      for (const change of [-1, 1, 0.5]) yield [`${name} ${change}`, replaced(document, path, value + change)];
    } else if (typeof value === 'string') {
      yield [`${name} empty`, replaced(document, path, '')];
      for (let at = 0; at < value.length; at += Math.ceil(value.length / 7)) {
        const text = value.slice(0, at) + (value[at] === '1' ? '2' : '1') + value.slice(at + 1);
        yield [`${name} character ${at}`, replaced(document, path, text)];
      }
    }
  }
}

function placesIn(value: unknown, path: readonly string[]): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  return Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key]));
}

function replaced(value: unknown, [key, ...rest]: readonly string[], replacement: unknown): unknown {
  if (key === undefined) return replacement;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...(value as object) };
  Object.assign(copy, { [key]: replaced((value as Record<string, unknown>)[key], rest, replacement) });
  return copy;
}
