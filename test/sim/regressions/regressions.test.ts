import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkActs } from '../acts/all-acts.ts';
import { planFromJson } from '../plan/plan.ts';
import { outcomeOf } from '../sweep/outcome.ts';

describe('plans that once broke a promise', () => {
  for (const file of globSync('*.json', { cwd: import.meta.dirname })) {
    it(`break none any more: ${file.replace('.json', '').replaceAll('-', ' ')}`, async () => {
      const plan = planFromJson(readFileSync(join(import.meta.dirname, file), 'utf8'));
      checkActs(plan.acts);
      assert.equal((await outcomeOf(plan)).failure, undefined);
    });
  }
});
