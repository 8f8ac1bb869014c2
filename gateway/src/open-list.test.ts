import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Opened, OpenList } from './open-list.ts';

class Named extends Opened {
  readonly name: number;

  constructor(name: number) {
    super();
    this.name = name;
  }
}

test('it holds what a Set would hold, in the same order', () => {
  const operations = fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 60 });
  fc.assert(
    fc.property(operations, (steps) => {
      const entries = Array.from({ length: 10 }, (_, name) => new Named(name));
      const [list, model] = [new OpenList<Named>(), new Set<number>()];
      for (const [adds, name] of steps) {
        const entry = entries[name] ?? assert.fail();
        if (!adds) list.delete(entry);
        else if (!model.has(name)) list.add(entry);
        if (adds) model.add(name);
        else model.delete(name);
      }
      assert.deepEqual(
        [...list].map(({ name }) => name),
        [...model],
      );
      assert.equal(list.size, model.size);
    }),
  );
});

test('an entry may leave while it is visited, and holds nothing afterwards', () => {
  const list = new OpenList<Named>();
  const entries = [1, 2, 3].map((name) => new Named(name));
  for (const entry of entries) list.add(entry);
  const visited: number[] = [];
  for (const entry of list) {
    visited.push(entry.name);
    list.delete(entry);
  }
  assert.deepEqual(visited, [1, 2, 3]);
  assert.equal(list.size, 0);
  for (const entry of entries) assert.deepEqual([entry.before, entry.after], [undefined, undefined]);
});
