import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ManualClock } from '@grapevine/shared/clock.ts';
import { claimBootEpoch, raiseBootEpoch } from './boot-epoch.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'grapevine-epoch-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('the first epoch is the wall clock', (t) => {
  assert.equal(claimBootEpoch(folder(t), new ManualClock(1_700_000_000_123)), 1_700_000_000_123);
});

test('later ones are greater, though the clock stands still or goes back', (t) => {
  const path = folder(t);
  const clock = new ManualClock(1_000);
  assert.equal(claimBootEpoch(path, clock), 1_000);
  assert.equal(claimBootEpoch(path, clock), 1_001);
  clock.jumpWall(-900);
  assert.equal(claimBootEpoch(path, clock), 1_002);
  clock.jumpWall(5_000);
  assert.equal(claimBootEpoch(path, clock), 5_100);
});

test('an epoch that was raised stays behind, and is never lowered', (t) => {
  const path = folder(t);
  const clock = new ManualClock(1_000);
  claimBootEpoch(path, clock);
  raiseBootEpoch(path, 7_000);
  raiseBootEpoch(path, 6_000);
  assert.equal(claimBootEpoch(path, clock), 7_001);
});

for (const text of ['', 'x\n', '12', '-1\n', `${2 ** 48 - 1}\n`, '99999999999999999999\n']) {
  test(`a file that holds ${JSON.stringify(text)} is reported, not overwritten`, (t) => {
    const path = folder(t);
    writeFileSync(join(path, 'boot-epoch'), text);
    assert.throws(() => claimBootEpoch(path, new ManualClock()), { code: 'DATA_DAMAGED' });
    assert.throws(() => claimBootEpoch(path, new ManualClock()), { code: 'DATA_DAMAGED' });
  });
}
