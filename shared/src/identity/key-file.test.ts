import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '@grapevine/test/e2e/until.ts';
import { recordingLog } from '@grapevine/test/fixtures/recording-log.ts';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { systemClock } from '../clock.ts';
import { IdentitySigner, IdentityVerifier } from './identity.ts';
import { fixedKey, identityKeyOf } from './identity-keys.ts';
import { KeyFile } from './key-file.ts';
import type { KeysInForce } from './key-rotation.ts';

const [a = '', b = ''] = ['a', 'b'].map((letter) => letter.repeat(40));
const deadlineMs = 30_000;

async function opened(t: TestContext, rotateAfterMs: number) {
  const folder = await temporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const path = join(folder.path, 'cluster.key');
  await writeFile(path, `${a}\n`);
  const { log, lines } = recordingLog();
  const file = await KeyFile.open({ path, rotateAfterMs, clock: systemClock, log, pollMs: 20 });
  t.after(() => file.stop());
  return { path, file, lines };
}

test('a file that changes is followed: new ones open, then seal, and old ones open until the end', async (t) => {
  const { path, file, lines } = await opened(t, 300);
  const steps: KeysInForce[] = [];
  file.onChange((keys) => steps.push(keys));
  await writeFile(path, `${b}\n`);
  await until('the new one alone', () => file.inForce.opening.length === 1 && file.inForce.sealing === b, deadlineMs);
  assert.deepEqual(steps, [
    { sealing: a, opening: [a, b] },
    { sealing: b, opening: [b, a] },
    { sealing: b, opening: [b] },
  ]);
  assert.ok(
    lines.every((line) => !line.includes(a) && !line.includes(b)),
    'a passphrase is in the log',
  );
});

test('keys of identities follow: made with the old key until the new one seals, refused when it is gone', async (t) => {
  const { path, file } = await opened(t, 300);
  const keys = file.identityKeys('node-identity');
  const signer = new IdentitySigner(keys, 'node', systemClock);
  const verifier = new IdentityVerifier(keys, 'node', systemClock);
  const ada = { subject: 'ada', scopes: [] };
  const old = new IdentitySigner(fixedKey(identityKeyOf(a, 'node-identity')), 'node', systemClock);
  await writeFile(path, `${b}\n`);
  await until(
    'the old key is refused',
    () => {
      assert.deepEqual(verifier.verify(signer.sign(ada)), ada);
      return refuses(() => verifier.verify(old.sign(ada)));
    },
    deadlineMs,
  );
  assert.deepEqual(keys, fixedKey(identityKeyOf(b, 'node-identity')));
});

test('a file that is wrong or gone changes nothing, and the log says why without showing it', async (t) => {
  const { path, file, lines } = await opened(t, 300);
  file.onChange(() => assert.fail('the keys changed'));
  await writeFile(path, `${b}\nshort\n`);
  await until('the reason', () => lines.some((line) => line.includes('passphrase 2 has 5 characters')), deadlineMs);
  await rm(path);
  await until('the reason', () => lines.some((line) => line.includes('ENOENT')), deadlineMs);
  assert.deepEqual(file.inForce, { sealing: a, opening: [a] });
  assert.ok(lines.every((line) => !line.includes(b)));
});

test('a reload looks at once', async (t) => {
  const { path, file } = await opened(t, 300_000);
  await writeFile(path, `${a}\n${b}\n`);
  await file.reload();
  assert.deepEqual(file.inForce, { sealing: a, opening: [a, b] });
});

test('a process does not start with a file that is not there or holds no passphrase', async (t) => {
  const { path } = await opened(t, 300);
  const { log } = recordingLog();
  const open = (at: string): Promise<KeyFile> =>
    KeyFile.open({ path: at, rotateAfterMs: 300, clock: systemClock, log });
  await assert.rejects(open(`${path}.absent`), {
    message: `There is no key file ${path}.absent: copy it from another process of the cluster; for a new cluster, \`openssl rand -hex 32\` prints one.`,
  });
  await writeFile(path, '\n');
  await assert.rejects(open(path), { code: 'CONFIG_INVALID' });
});

function refuses(verify: () => unknown): boolean {
  try {
    verify();
    return false;
  } catch {
    return true;
  }
}
