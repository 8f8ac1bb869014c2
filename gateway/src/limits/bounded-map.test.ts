import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedMap } from './bounded-map.ts';

test('the least recently used entry goes first, and is reported', () => {
  const evicted: string[] = [];
  const map = new BoundedMap<string, number>(2, (key) => evicted.push(key));
  map.set('a', 1);
  map.set('b', 2);
  assert.equal(map.get('a'), 1);
  map.set('c', 3);
  assert.deepEqual(evicted, ['b']);
  assert.equal(map.get('b'), undefined);
  assert.equal(map.get('a'), 1);
  assert.equal(map.size, 2);
});

test('setting again makes young, deleting is not reported, and no capacity keeps nothing', () => {
  const evicted: string[] = [];
  const map = new BoundedMap<string, number>(2, (key) => evicted.push(key));
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.delete('b');
  map.set('c', 4);
  assert.deepEqual(evicted, []);
  assert.equal(map.get('a'), 3);
  const none = new BoundedMap<string, number>(0);
  none.set('a', 1);
  assert.equal(none.size, 0);
});
