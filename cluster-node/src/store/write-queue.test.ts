import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Batch } from './batch.ts';
import { MemoryKeyValue } from './memory-key-value.ts';
import { WriteQueue } from './write-queue.ts';

/** A queue over a held disk, and what became of everything, in order. */
function heldQueue(startOver: () => void = () => undefined) {
  const disk = new MemoryKeyValue();
  const events: string[] = [];
  const queue = new WriteQueue(disk, {
    projected: () => () => events.push('flushed'),
    startOver: () => {
      events.push('start over');
      startOver();
    },
  });
  disk.hold();
  const project = (name: string, change: (batch: Batch) => void): void =>
    queue.add(
      100,
      (batch) => {
        change(batch);
        return () => events.push(name);
      },
      (error) => events.push(`${name}: ${error.message}`),
    );
  /** Writes a value that says what stood there when it was projected. */
  const append = (name: string): void =>
    project(name, (batch) => {
      const before = batch.get('topics', key) ?? new Uint8Array(0);
      batch.put('topics', key, Buffer.concat([before, Buffer.from(name)]));
    });
  const content = (): string => Buffer.from(disk.get('topics', key) ?? []).toString();
  return { disk, queue, events, project, append, content };
}

const key = Uint8Array.of(1);

describe('a write queue', () => {
  test('makes up the next transaction while one is being flushed, and shows neither before', async () => {
    const { disk, queue, events, append, content } = heldQueue();
    for (const name of ['a', 'b', 'c', 'd']) {
      append(name);
      await turn();
    }
    assert.equal(content(), '');
    assert.deepEqual(events, []);
    disk.release();
    await queue.idle();
    assert.equal(content(), 'abcd');
    // The last two had to wait, and shared one.
    assert.deepEqual(events, ['flushed', 'a', 'flushed', 'b', 'flushed', 'c', 'd']);
  });

  test('puts what is written in one turn into one transaction, up to its size', async () => {
    const { disk, queue, events, append } = heldQueue();
    append('a');
    append('b');
    for (const name of ['large', 'too large']) {
      queue.add(
        2 * 1024 * 1024,
        () => () => events.push(name),
        () => assert.fail(),
      );
    }
    disk.release();
    await queue.idle();
    assert.deepEqual(events, ['flushed', 'a', 'b', 'flushed', 'large', 'flushed', 'too large']);
  });

  test('refuses all that was made to follow a failed one, and goes on from what is flushed', async () => {
    const { disk, queue, events, append, content } = heldQueue();
    for (const name of ['a', 'b', 'c']) {
      append(name);
      await turn();
    }
    disk.fail(new Error('full'));
    await turn();
    assert.deepEqual(events, ['a: full', 'c: full', 'b: full', 'start over']);
    append('d');
    disk.release();
    await queue.idle();
    assert.equal(content(), 'd');
    assert.deepEqual(events.slice(4), ['flushed', 'd']);
  });

  test('flushes what came before a write that cannot be projected, and starts over only then', async () => {
    const { disk, queue, events, project, append, content } = heldQueue();
    append('a');
    await turn();
    project('bad', () => {
      throw new Error('damaged');
    });
    append('b');
    await turn();
    assert.deepEqual(events, ['bad: damaged', 'b: damaged']);
    append('c');
    await turn();
    disk.release();
    await queue.idle();
    assert.equal(content(), 'ac');
    assert.deepEqual(events.slice(2), ['flushed', 'a', 'start over', 'flushed', 'c']);
  });

  test('gives what changes nothing its turn', async () => {
    const { disk, queue, events, project, append } = heldQueue();
    append('a');
    await turn();
    project('nothing', () => undefined);
    await turn();
    assert.deepEqual(events, []);
    disk.release();
    await queue.idle();
    assert.deepEqual(events, ['flushed', 'a', 'flushed', 'nothing']);
    project('nothing more', () => undefined);
    await queue.idle();
    assert.deepEqual(events.slice(4), ['flushed', 'nothing more']);
  });

  test('takes nothing more when it cannot start over', async () => {
    const { disk, queue, events, append } = heldQueue(() => {
      throw new Error('damaged');
    });
    append('a');
    await turn();
    disk.fail(new Error('full'));
    await turn();
    append('b');
    await queue.idle();
    assert.deepEqual(events, ['a: full', 'start over', 'b: damaged']);
  });
});
