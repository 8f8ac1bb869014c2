/** Any message that a node may send, as fast-check arbitraries. */
import { splitSegment } from '@grapevine/cluster-node/wire/fragments.ts';
import {
  type Address,
  everyOrigin,
  type MemberDigest,
  type NodeMessage,
  type OriginSize,
  type PartialSegment,
  type Piece,
} from '@grapevine/cluster-node/wire/messages.ts';
import { encodeSegment } from '@grapevine/cluster-node/wire/segment.ts';
import { encodeEntry } from '@grapevine/shared/log/entry.ts';
import fc from 'fast-check';

/** A record as object literals make it: with `Object.prototype`. */
function record<Fields>(model: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }): fc.Arbitrary<Fields> {
  return fc.record<Fields>(model, { noNullPrototype: true });
}

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const text = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength });
const origin = bytes(16).map((id) => id.toHex());

function sortedBy<Item>(item: fc.Arbitrary<Item>, keyOf: (item: Item) => string, max: number): fc.Arbitrary<Item[]> {
  return fc
    .uniqueArray(item, { selector: keyOf, maxLength: max })
    .map((items) => items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)));
}

const vector: fc.Arbitrary<OriginSize[]> = sortedBy(record({ origin, size: u48 }), (item) => item.origin, 12);

const bitmap = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((have) => have.with(-1, (have.at(-1) ?? 0) | 1));
const partial: fc.Arbitrary<PartialSegment> = record({
  origin,
  firstSeq: u48,
  fragmentBytes: fc.integer({ min: 448, max: 1_400 }),
  have: bitmap,
});

const address: fc.Arbitrary<Address> = record({
  host: fc.oneof(fc.constantFrom('127.0.0.1', '::1', 'node-1.example'), text('abzAZ09._:-', 253)),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const member: fc.Arbitrary<MemberDigest> = record({
  name: text('az09-', 63),
  origin,
  bootEpoch: u48,
  incarnation: u32,
  heartbeat: u48,
  state: fc.constantFrom('alive', 'suspect', 'dead', 'left'),
  versions: fc
    .tuple(fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1, max: 255 }))
    .map(([a, b]) => ({ lowest: Math.min(a, b), highest: Math.max(a, b) })),
  udp: address,
  http: address,
  tls: fc.boolean(),
  catchingUp: fc.boolean(),
});
const members = sortedBy(member, (item) => item.name, 6);

/** Sound in form; nobody signed it. */
const segmentBytes: fc.Arbitrary<{ origin: string; firstSeq: number; bytes: Uint8Array }> = record({
  origin,
  firstSeq: fc.integer({ min: 0, max: 2 ** 40 }),
  bodies: fc.array(fc.uint8Array({ maxLength: 900 }), { minLength: 1, maxLength: 4 }),
  seal: record({ root: bytes(32), publicKey: bytes(32), signature: bytes(64) }),
}).map(({ origin: id, firstSeq, bodies, seal }) => {
  const clock = 0x018b_cfe5_6800_0000n;
  const entries = bodies.map((body, i) => ({
    origin: id,
    seq: firstSeq + i,
    hlc: clock + BigInt(i),
    topic: 'orders/eu',
    author: 'alice',
    contentType: 'text/plain',
    headers: { trace: 'x' },
    body,
  }));
  const head = { origin: id, size: firstSeq + bodies.length, hlc: clock + BigInt(bodies.length - 1), ...seal };
  const records = entries.map((entry) => ({ kind: 'entry', bytes: encodeEntry(entry) }) as const);
  return { origin: id, firstSeq, bytes: encodeSegment({ origin: id, firstSeq, head, records }) };
});

const pieces: fc.Arbitrary<Piece[]> = fc
  .array(record({ segment: segmentBytes, fragmentBytes: fc.integer({ min: 448, max: 1_300 }) }), { maxLength: 3 })
  .map((list) =>
    list.flatMap(({ segment, fragmentBytes }): Piece[] =>
      segment.bytes.length > fragmentBytes
        ? splitSegment(segment.origin, segment.firstSeq, segment.bytes, fragmentBytes)
        : [{ kind: 'segment', bytes: segment.bytes }],
    ),
  );

const pullRequest: fc.Arbitrary<NodeMessage> = record({
  type: fc.constant('pull-request'),
  requestId: u32,
  budget: u32,
  wholeRange: fc.boolean(),
  vector,
  root: bytes(32),
  partials: sortedBy(partial, (item) => item.origin, 4),
  members,
}).map(({ wholeRange, ...request }) => {
  const [first, last] = [request.vector[0], request.vector.at(-1)];
  const whole = wholeRange || first === undefined || last === undefined;
  return { ...request, range: whole ? everyOrigin : { from: first.origin, to: last.origin } };
});

const pullResponse: fc.Arbitrary<NodeMessage> = record({
  type: fc.constant('pull-response'),
  requestId: u32,
  index: u16,
  more: fc.boolean(),
  vector,
  pieces,
  members,
}).map((response) => {
  const index = Math.min(response.index, 0xfffe);
  return { ...response, index, count: index + 1, vector: index === 0 ? response.vector : [] };
});

const nudge: fc.Arbitrary<NodeMessage> = record({ type: fc.constant('nudge'), heads: vector });

const membersRequest: fc.Arbitrary<NodeMessage> = record({
  type: fc.constant('members-request'),
  requestId: u32,
  from: origin,
  sums: fc.integer({ min: 0, max: 6 }).chain((bits) => fc.array(u32, { minLength: 2 ** bits, maxLength: 2 ** bits })),
});

const membersResponse: fc.Arbitrary<NodeMessage> = record({
  type: fc.constant('members-response'),
  requestId: u32,
  next: fc.option(
    origin.filter((next) => next !== everyOrigin.from),
    { nil: undefined },
  ),
  members,
});

/** Encoded. */
export const segments: fc.Arbitrary<Uint8Array> = segmentBytes.map(({ bytes: encoded }) => encoded);

export const messages: fc.Arbitrary<NodeMessage> = fc.oneof(
  pullRequest,
  pullResponse,
  nudge,
  membersRequest,
  membersResponse,
);
