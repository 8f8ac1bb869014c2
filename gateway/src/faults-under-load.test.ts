import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, type RecordingUpstream, startRecordingUpstream } from './testing/recording-upstream.ts';
import { engines, type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

/** What one request is: safe to repeat by its method, by its key, or not at all. */
type Kind = 'read' | 'keyed' | 'once';
const kinds: readonly Kind[] = ['read', 'keyed', 'once'];

const requests = 300;
/** Requests at the same time. */
const lanes = 12;
/** An instance is well for so many requests, and then fails as many, each in the next way. */
const flapAfter = 8;
const slowMs = 40;

const whole = JSON.stringify({ ok: true });

const faults: readonly Answer[] = [
  // Dies before it answers.
  (request) => void request.resume().once('end', () => request.socket.destroy()),
  // Dies in the middle of its answer.
  (request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-length': whole.length });
      response.write(whole.slice(0, 4), () => request.socket.destroy());
    });
  },
  // Answers something that is not HTTP.
  (request) => void request.resume().once('end', () => request.socket.end('\0garbage\r\n\r\n')),
  // Says that it cannot.
  (request, response) => void request.resume().once('end', () => response.writeHead(503).end()),
  // Takes longer than anybody waits.
  (request) => void request.resume(),
];

const well: Answer = (request, response) => void request.resume().once('end', () => response.end(whole));
const slow: Answer = (request, response) =>
  void request.resume().once('end', () => setTimeout(() => response.end(whole), slowMs));

/** Messages that an upstream took and that were not to be taken twice, and how often each was. */
function taken(upstreams: readonly RecordingUpstream[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { received } of upstreams) {
    for (const { method, body, headers } of received) {
      if (method !== 'POST' || headers['idempotency-key'] !== undefined) continue;
      counts.set(body, (counts.get(body) ?? 0) + 1);
    }
  }
  return counts;
}

for (const engine of engines) {
  test(`by ${engine}: with one instance that flaps and one that is slow nothing is lost that can be repeated, and nothing else is repeated`, async () => {
    const upstreams: RecordingUpstream[] = [];
    let gateway: RunningGateway | undefined;
    try {
      for (let count = 0; count < 3; count++) upstreams.push(await startRecordingUpstream());
      const [flapping, slowOne] = upstreams;
      let turn = 0;
      let hurt = 0;
      flapping?.answerWith((request, response) => {
        turn++;
        const fault = Math.floor(turn / flapAfter) % 2 === 0 ? undefined : faults[turn % faults.length];
        if (fault !== undefined && request.method === 'POST' && request.headers['idempotency-key'] === undefined)
          hurt++;
        (fault ?? well)(request, response);
      });
      slowOne?.answerWith(slow);
      gateway = await startRunningGateway(
        {
          upstreams: { web: upstreams.map(({ url }) => url) },
          upstreamTimeoutMs: 2_000,
          // The instance that flaps must go on doing so: what leaves it out has tests of its own.
          breaker: { failureRatio: 1, volume: 100_000 },
          ejection: { failures: 1_000 },
          retry: { budgetRatio: 1 },
        },
        engine,
      );
      const { fetch: ask } = gateway;
      const outcomes = new Map<Kind, string[]>(kinds.map((kind) => [kind, []]));
      let next = 0;
      const lane = async (): Promise<void> => {
        while (next < requests) {
          const id = `message ${next++}`;
          const kind = kinds[next % kinds.length] ?? 'read';
          const init: RequestInit =
            kind === 'read'
              ? {}
              : { method: 'POST', body: id, headers: kind === 'keyed' ? { 'idempotency-key': id } : {} };
          const answer = await ask('/web/x', init);
          const text = await answer.text();
          outcomes.get(kind)?.push(answer.status === 200 ? text : String(answer.status));
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));

      const each = requests / kinds.length;
      assert.deepEqual(outcomes.get('read'), new Array(each).fill(whole));
      assert.deepEqual(outcomes.get('keyed'), new Array(each).fill(whole));
      const once = taken(upstreams);
      assert.equal(once.size, each, 'each reached an upstream');
      assert.deepEqual(
        [...once].filter(([, count]) => count > 1),
        [],
        'none reached one twice',
      );
      const failed = (outcomes.get('once') ?? []).filter((outcome) => outcome !== whole);
      assert.ok(hurt > 0, 'some met a fault');
      assert.equal(failed.length, hurt, `${failed}: exactly those failed that met one`);
      for (const outcome of failed) assert.match(outcome, /^50[234]$/);
    } finally {
      await gateway?.stop();
      for (const upstream of upstreams) await upstream.stop();
    }
  });
}
