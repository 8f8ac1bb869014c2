import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMessage } from '../wire/codec.ts';
import { Reassembly } from '../wire/fragments.ts';
import { maxPayload } from '../wire/limits.ts';
import { everyOrigin, type PullRequest, type PullResponse } from '../wire/messages.ts';
import { answerPull } from './answer.ts';
import { draft, logOf, TestOrigin } from './origin.fixture.ts';

const maxDatagramBytes = 1_400;
const origin = new TestOrigin(1);
const name = origin.signer.origin;

function request(changes: Partial<PullRequest> = {}): PullRequest {
  return {
    type: 'pull-request',
    requestId: 1,
    budget: 1_000_000,
    range: everyOrigin,
    vector: [],
    root: new Uint8Array(32),
    partials: [],
    members: [],
    ...changes,
  };
}

describe('the answer to a pull', () => {
  const small = Array.from({ length: 40 }, () => origin.segment(2));
  const large = origin.write(draft(100_000));
  const size = 81;
  const holdings = { flushed: new Map([[name, size]]), log: logOf([...small, ...large]), members: [] };
  const answer = (changes: Partial<PullRequest> = {}): PullResponse[] =>
    answerPull(request(changes), holdings, maxDatagramBytes);
  const pieces = (responses: readonly PullResponse[]) => responses.flatMap((response) => response.pieces);

  it('brings exactly what the requester lacks, in datagrams of the allowed size', () => {
    const responses = answer({ vector: [{ origin: name, size: 20 }] });
    for (const [index, response] of responses.entries()) {
      assert.ok(encodeMessage(response).length <= maxPayload(maxDatagramBytes));
      assert.deepEqual([response.index, response.count, response.more], [index, responses.length, false]);
    }
    const whole = pieces(responses).filter((piece) => piece.kind === 'segment');
    assert.deepEqual(
      whole.map(({ bytes }) => bytes),
      small.slice(10).map(({ segment }) => segment.bytes),
    );
    const reassembly = new Reassembly();
    const joined = pieces(responses).flatMap((piece) =>
      piece.kind === 'fragment' ? (reassembly.add(piece) ?? []) : [],
    );
    assert.deepEqual(joined, [large[0]?.segment.bytes]);
  });

  it('fills the first datagram, which also says what there is, with the short end of a segment in fragments', () => {
    const [first, ...others] = answer({ vector: [{ origin: name, size: 80 }] });
    const bytes = large[0]?.segment.bytes.length ?? 0;
    const [fullest] = others[0]?.pieces ?? [];
    assert.deepEqual(
      [first?.vector, first?.pieces.length, others.length],
      [[{ origin: name, size }], 1, Math.floor(bytes / (fullest?.bytes.length ?? 0))],
    );
  });

  it('is one datagram without pieces when nothing is lacking, for it is a sign of life too', () => {
    const responses = answer({ vector: [{ origin: name, size }] });
    assert.deepEqual([responses.length, pieces(responses).length, responses[0]?.vector], [1, 0, []]);
  });

  it('goes on to other logs, and promises nothing, where the next segment cannot be read', () => {
    const other = new TestOrigin(2);
    const sound = logOf([other.segment()]);
    const flushed = new Map([
      [name, size],
      [other.signer.origin, 1],
    ]);
    const log = { segmentsFrom: (id: string, seq: number) => (id === name ? [] : sound.segmentsFrom(id, seq, 1)) };
    for (const requestId of [0, 1]) {
      const [response] = answerPull(request({ requestId }), { flushed, log, members: [] }, maxDatagramBytes);
      assert.deepEqual([response?.pieces.length, response?.more], [1, false]);
    }
  });

  it('stops at the budget and says that there is more', () => {
    const responses = answer({ budget: 2_000 });
    const bytes = pieces(responses).reduce((sum, piece) => sum + piece.bytes.length, 0);
    assert.ok(bytes > 1_000 && bytes < 2_000 + maxDatagramBytes);
    assert.ok(responses.every(({ more }) => more));
  });

  it('tells only news when the budget is 0', () => {
    const responses = answer({ budget: 0 });
    assert.equal(pieces(responses).length, 0);
    assert.deepEqual(responses[0]?.vector, [{ origin: name, size }]);
  });

  it('sends only the fragments that are missing', () => {
    const vector = [{ origin: name, size: 80 }];
    const fragments = (responses: readonly PullResponse[]) =>
      pieces(responses)
        .filter((piece) => piece.kind === 'fragment')
        .sort((a, b) => a.offset - b.offset);
    const all = fragments(answer({ vector }));
    const fragmentBytes = all[0]?.fragmentBytes ?? 0;
    const have = Uint8Array.of(0b1110_0000);
    const rest = answer({ vector, partials: [{ origin: name, firstSeq: 80, fragmentBytes, have }] });
    assert.deepEqual(fragments(rest), all.slice(3));
  });

  it('says nothing of origins outside the range', () => {
    const outside = { from: everyOrigin.from, to: everyOrigin.from };
    assert.deepEqual(pieces(answer({ range: outside })), []);
  });
});
