import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageProof } from '@grapevine/shared/contracts/proof.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import { runCommand, sendJson, standInGateway } from './command.fixture.ts';

/** A proof of the only entry of a log. */
function proofOf(name: string): MessageProof {
  const { segment, leafHashes } = new OriginLog(name).segment([{ topic: 'news', author: 'ann' }]);
  const { head, records } = segment;
  const [record] = records;
  assert.ok(record?.kind === 'entry');
  return {
    id: toHex(leafHashes),
    origin: segment.origin,
    seq: 0,
    treeSize: 1,
    path: [],
    entry: record.bytes.toBase64(),
    head: {
      origin: head.origin,
      size: head.size,
      root: toHex(head.root),
      hlc: hlcToHex(head.hlc),
      publicKey: toHex(head.publicKey),
      signature: toHex(head.signature),
    },
  };
}

async function verify(id: string, inclusionProof: MessageProof | null, ...options: string[]) {
  await using gateway = await standInGateway((_request, response) =>
    sendJson(response, 200, { data: { inclusionProof } }),
  );
  return await runCommand(['verify', id, ...options, ...gateway.target]);
}

const proof = proofOf('one');

test('a valid proof shows every step and what was proven', async () => {
  const { code, stdout } = await verify(proof.id.toUpperCase(), proof);
  assert.equal(code, 0);
  assert.equal(stdout.match(/^✔ /gm)?.length, 7);
  assert.match(stdout, new RegExp(`\nvalid: entry 0 of origin ${proof.origin}, by ann in news\n$`));
  const json = JSON.parse((await verify(proof.id, proof, '--json')).stdout);
  assert.deepEqual(json, { valid: true, origin: proof.origin, seq: 0, topic: 'news', author: 'ann' });
});

test('of an erased message the place is proven, and nothing is said of what it was', async () => {
  const { code, stdout } = await verify(proof.id, { ...proof, entry: null });
  assert.equal(code, 0);
  assert.equal(stdout.match(/^✔ /gm)?.length, 5);
  assert.match(stdout, new RegExp(`\nvalid: entry 0 of origin ${proof.origin}, erased since\n$`));
  const json = JSON.parse((await verify(proof.id, { ...proof, entry: null }, '--json')).stdout);
  assert.deepEqual(json, { valid: true, origin: proof.origin, seq: 0, erased: true });
});

test('a proof that fails stops at the step that failed, with exit code 1', async () => {
  const forged = { ...proof, head: { ...proof.head, signature: '00'.repeat(64) } };
  const { code, stdout } = await verify(proof.id, forged);
  assert.equal(code, 1);
  assert.match(stdout, /✔ the key is .*\n✘ the origin signed the head: .*\nnot valid\n$/);
  const json = await verify(proof.id, forged, '--json');
  assert.equal(json.code, 1);
  assert.equal(JSON.parse(json.stdout).step, 'signature');
});

test('a valid proof of another message is refused', async () => {
  const { code, stdout } = await verify(proof.id, proofOf('two'));
  assert.equal(code, 1);
  assert.match(stdout, /✘ the id is the hash of the message: The proof is for /);
});

test('an unknown message and a malformed id are errors', async () => {
  const unknown = await verify(proof.id, null);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no replica that was asked has a message/);
  const malformed = await runCommand(['verify', 'xyz']);
  assert.equal(malformed.code, 64);
  assert.match(malformed.stderr, /xyz is not a message id; expected 64 hexadecimal digits/);
});
