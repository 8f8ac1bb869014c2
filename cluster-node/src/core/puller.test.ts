import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import type { Segment } from '../wire/segment.ts';
import { TestOrigin, tipsOver, withoutBodies } from './origin.fixture.ts';
import { type Harvest, Puller } from './puller.ts';

const peer = '0b'.repeat(16);

describe('a puller that is offered segments without bodies', () => {
  let puller: Puller;
  let origin: TestOrigin;

  beforeEach(() => {
    puller = new Puller(tipsOver(undefined, false), new SeededRandom(1));
    origin = new TestOrigin(1);
  });

  function answer(segments: readonly Segment[]): Harvest {
    const { requestId } = puller.begin(peer, 0);
    const pieces = segments.map(({ bytes }) => ({ kind: 'segment', bytes }) as const);
    const response = { requestId, index: 0, count: 1, more: true, vector: [], pieces, members: [] };
    return puller.receive({ type: 'pull-response', ...response }, peer, 1);
  }

  it('takes none of them nor what follows, and does not count on that peer', () => {
    const [first, second, third] = [origin.segment(), origin.segment(), origin.segment()];
    const harvest = answer([withoutBodies(first), second.segment, withoutBodies(third)]);
    assert.deepEqual([harvest.segments.length, harvest.withheld], [0, 3]);
    assert.equal(puller.finish(1)?.isFruitless, true);
    // From another peer, in full.
    assert.equal(answer([first.segment, second.segment, third.segment]).segments.length, 3);
    assert.equal(puller.finish(1)?.isFruitless, false);
  });

  it('takes other logs that came with them', () => {
    const other = new TestOrigin(2).segment();
    const harvest = answer([withoutBodies(origin.segment()), other.segment]);
    assert.deepEqual([harvest.segments.length, harvest.withheld], [1, 1]);
    assert.equal(puller.finish(1)?.isFruitless, false);
  });
});
