import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '@grapevine/shared/clock.ts';
import { KeyFile } from '@grapevine/shared/identity/key-file.ts';
import { until } from '@grapevine/test/e2e/until.ts';
import { recordingLog } from '@grapevine/test/fixtures/recording-log.ts';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { clusterKeyOf, keyRingOf } from '../wire/key-ring.ts';
import { Opener, Sealer } from '../wire/seal.ts';
import { sealWithKeys } from './sealing-keys.ts';

const [a = '', b = ''] = ['a', 'b'].map((letter) => letter.repeat(40));
const [origin, peer] = ['0a'.repeat(16), '0b'.repeat(16)] as const;

test('datagrams are sealed and opened through a change of keys, and those of the old key are refused after it', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'cluster.key');
  await writeFile(path, `${a}\n`);
  const { log } = recordingLog();
  const keys = await KeyFile.open({ path, rotateAfterMs: 500, clock: systemClock, log, pollMs: 20 });
  t.after(() => keys.stop());
  const { sealer, opener } = await sealWithKeys({ keys, origin, bootEpoch: 1, log });
  const [ofA, ofB] = await Promise.all([a, b].map(clusterKeyOf));
  assert.ok(ofA !== undefined && ofB !== undefined);
  const [peerWithA, peerWithB] = [ofA, ofB].map((key) => new Sealer({ key, sender: peer, bootEpoch: 1 }));
  const reader = new Opener(keyRingOf([ofA.secret, ofB.secret]), peer);
  const message = Uint8Array.of(1, 2, 3);
  const isOpened = (datagram: Uint8Array | undefined): boolean => typeof opener.open(datagram ?? message) !== 'string';

  await writeFile(path, `${b}\n`);
  const used = new Set<string>();
  let counter = 0;
  await until(
    'the old key is refused',
    () => {
      const datagram = sealer.seal(message);
      assert.deepEqual(reader.open(datagram), { sender: origin, plaintext: message }, `datagram ${counter++}`);
      used.add(datagram.subarray(1, 5).toHex());
      return !isOpened(peerWithA?.seal(message));
    },
    30_000,
  );
  assert.deepEqual(used, new Set([ofA.id, ofB.id]));
  assert.ok(isOpened(new Sealer({ key: ofB, sender: peer, bootEpoch: 2 }).seal(message)));
  assert.equal(opener.open(peerWithB?.seal(message) ?? message), 'stale-epoch');
});
