import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEventStream, type ServerSentEvent } from './event-stream.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function parse(text: string, chunkSize = 1 << 20): Promise<ServerSentEvent[]> {
  return Array.fromAsync(parseEventStream(chunksOf(new TextEncoder().encode(text), chunkSize)));
}

test('reads events however the bytes are cut into chunks', async () => {
  const text = ': keep-alive\n\nevent: message\nid: t1\ndata: {"ä":"🍇"}\n\nid:t2\ndata: a\ndata:  b\n\n';
  const expected = [
    { event: 'message', data: '{"ä":"🍇"}', id: 't1' },
    { event: 'message', data: 'a\n b', id: 't2' },
  ];
  for (let size = 1; size <= text.length; size++)
    assert.deepEqual(await parse(text, size), expected, `chunks of ${size}`);
});

test('takes all three line ends, split between chunks as well', async () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const text = ['event: overflow', 'data: x', '', 'data: y', '', ': last', ''].join(end);
    for (const size of [1, 2, 3, 100]) {
      const events = await parse(text, size);
      assert.deepEqual(
        events.map(({ event, data }) => [event, data]),
        [
          ['overflow', 'x'],
          ['message', 'y'],
        ],
        `${JSON.stringify(end)} in chunks of ${size}`,
      );
    }
  }
});

test('keeps the last id, forgets the event name, and skips what it does not know', async () => {
  const events = await parse('id: 7\nevent: a\ndata: 1\n\nretry: 5\nfoo: bar\ndata: 2\n\nevent: b\n\ndata\n\n');
  assert.deepEqual(events, [
    { event: 'a', data: '1', id: '7' },
    { event: 'message', data: '2', id: '7' },
    { event: 'message', data: '', id: '7' },
  ]);
});

test('drops an event that the end cuts off', async () => {
  assert.deepEqual(await parse('data: whole\n\ndata: half\n'), [{ event: 'message', data: 'whole', id: '' }]);
});

test('refuses an event without end, in one line or in many', async () => {
  async function* endless(chunk: string): AsyncGenerator<Uint8Array> {
    const bytes = new TextEncoder().encode(chunk.repeat(100_000 / chunk.length));
    for (;;) yield bytes;
  }
  await assert.rejects(Array.fromAsync(parseEventStream(endless('x'))), RangeError);
  await assert.rejects(Array.fromAsync(parseEventStream(endless(`data: ${'x'.repeat(999)}\n`))), RangeError);
});
