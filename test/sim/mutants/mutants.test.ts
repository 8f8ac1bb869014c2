import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hunt } from './hunt.ts';
import { mutants } from './mutants.ts';
import { applyPatches, mutantNamed, requireFits } from './patch.ts';

describe('the mutants', () => {
  for (const mutant of mutants) {
    it(`fit the code: ${mutant.name}`, () => requireFits(mutant));
  }

  it('are refused when they do not fit', () => {
    const patch = { file: 'a.ts', find: 'x', replace: 'y' };
    assert.throws(() => applyPatches([patch], 'a.ts', 'nothing of it'), /found it 0 times/);
    assert.throws(() => applyPatches([patch], 'a.ts', 'x and x'), /found it 2 times/);
    assert.equal(applyPatches([patch], 'b.ts', 'x and x'), 'x and x');
  });

  // All of them take minutes: npm run sim -- --mutants
  for (const name of ['acknowledges before the flush', 'takes a datagram as often as it comes']) {
    it(`are caught: ${name}`, async () => {
      assert.notEqual(await hunt(mutantNamed(name)), undefined);
    });
  }

  it('are not caught when they change nothing', async () => {
    const { patches, ...mutant } = mutantNamed('takes a datagram as often as it comes');
    const harmless = patches.map(({ file, find }) => ({ file, find, replace: find }));
    assert.equal(await hunt({ ...mutant, patches: harmless }), undefined);
  });
});
