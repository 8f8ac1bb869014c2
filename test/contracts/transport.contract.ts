import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Transport } from '@grapevine/cluster-node/transport/transport.ts';
import type { Address } from '@grapevine/cluster-node/wire/messages.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** Opens a transport on the loopback address at `port`; 0 picks a free one. */
export type OpenTransport = (port: number) => Promise<Transport>;

interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: Address;
}

const utf8 = new TextEncoder();
const deadline = { timeout: 10_000 };

/** What every `Transport` promises. A datagram that must not arrive is followed by one that must. */
export function transportContract(name: string, open: OpenTransport): void {
  async function opened(t: TestContext): Promise<Transport> {
    const transport = await open(0);
    t.after(() => transport.close());
    return transport;
  }

  test(`${name}: a datagram arrives as it was, from where it can be answered`, deadline, async (t) => {
    const [a, b] = [await opened(t), await opened(t)];
    const asked = arrivals(b, 1);
    const answered = arrivals(a, 1);
    const sent = utf8.encode('question');
    a.send(b.address, sent);
    const [question] = await asked;
    assert.deepEqual(question, { bytes: sent, from: a.address });
    question?.bytes.fill(0);
    assert.deepEqual(sent, utf8.encode('question'), 'sender and receiver share memory');
    b.send(question?.from ?? b.address, utf8.encode('answer'));
    assert.deepEqual(await answered, [{ bytes: utf8.encode('answer'), from: b.address }]);
  });

  test(`${name}: datagrams of every size up to 65,507 bytes arrive whole`, deadline, async (t) => {
    const [a, b] = [await opened(t), await opened(t)];
    for (const size of [0, 1, 1_400, 9_000, 65_507]) {
      const arrived = arrivals(b, 1);
      a.send(b.address, new Uint8Array(size).fill(size));
      assert.deepEqual((await arrived)[0]?.bytes, new Uint8Array(size).fill(size));
    }
  });

  test(`${name}: a datagram over 65,507 bytes is dropped`, deadline, async (t) => {
    const [a, b] = [await opened(t), await opened(t)];
    const arrived = arrivals(b, 1);
    a.send(b.address, new Uint8Array(65_508));
    a.send(b.address, utf8.encode('next'));
    assert.deepEqual((await arrived)[0]?.bytes, utf8.encode('next'));
  });

  test(`${name}: what goes to nobody, or to no address at all, is dropped`, deadline, async (t) => {
    const [a, b, gone] = [await opened(t), await opened(t), await opened(t)];
    await gone.close();
    const arrived = arrivals(b, 1);
    const { host } = b.address;
    for (const port of [gone.address.port, 0, -1, 65_536, Number.NaN, 1.5]) a.send({ host, port }, utf8.encode('lost'));
    a.send(b.address, utf8.encode('next'));
    assert.deepEqual((await arrived)[0]?.bytes, utf8.encode('next'));
  });

  test(`${name}: a burst arrives in full, each datagram in memory of its own`, deadline, async (t) => {
    const [a, b] = [await opened(t), await opened(t)];
    const arrived = arrivals(b, 200);
    for (let i = 0; i < 200; i++) a.send(b.address, new Uint8Array(100).fill(i));
    const received = await arrived;
    assert.deepEqual(
      received.map(({ bytes }) => bytes[99]),
      Array.from({ length: 200 }, (_, i) => i),
    );
    received[0]?.bytes.fill(255);
    assert.ok(received.slice(1).every(({ bytes }, i) => bytes.every((byte) => byte === i + 1)));
    // A Buffer's slice is a view, a Uint8Array's a copy: decoders count on the latter.
    assert.ok(received.every(({ bytes }) => bytes.constructor === Uint8Array));
  });

  test(`${name}: a later listener replaces the one before it`, deadline, async (t) => {
    const [a, b] = [await opened(t), await opened(t)];
    b.onDatagram(() => assert.fail('the first listener was called'));
    const arrived = arrivals(b, 1);
    a.send(b.address, utf8.encode('x'));
    assert.equal((await arrived).length, 1);
  });

  test(`${name}: after close nothing arrives, nothing is sent, and the port is free again`, deadline, async (t) => {
    const [a, b, c] = [await opened(t), await opened(t), await opened(t)];
    b.onDatagram(() => assert.fail('a datagram arrived after close'));
    a.send(b.address, utf8.encode('too late'));
    await b.close();
    await b.close();
    const arrived = arrivals(c, 1);
    b.send(c.address, utf8.encode('from a closed one'));
    a.send(c.address, utf8.encode('from an open one'));
    assert.deepEqual((await arrived)[0]?.bytes, utf8.encode('from an open one'));
    const again = await open(b.address.port);
    await again.close();
  });

  test(`${name}: a port that is taken is named`, deadline, async (t) => {
    const { port } = (await opened(t)).address;
    await assert.rejects(
      async () => open(port),
      (error) => error instanceof GrapevineError && error.code === 'PORT_TAKEN' && error.message.includes(String(port)),
    );
  });
}

/** Resolves with the next `count` datagrams. */
function arrivals(transport: Transport, count: number): Promise<Arrival[]> {
  const received: Arrival[] = [];
  return new Promise((resolve) => {
    transport.onDatagram((bytes, from) => {
      received.push({ bytes, from });
      if (received.length === count) resolve(received);
    });
  });
}
