import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { until } from '../until.ts';
import { type CollectedSpan, type Collector, startCollector } from './collector.ts';

const patientMs = 30_000;
/** `STATUS_CODE_ERROR` of OTLP. */
const errorStatus = 2;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let collector: Collector;
let cluster: Cluster;

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  collector = resources.use(await startCollector());
  const environment = {
    GRAPEVINE_TRACING__ENDPOINT: collector.endpoint,
    // A client that sends no trace begins none.
    GRAPEVINE_TRACING__RATIO: '0',
  };
  cluster = resources.adopt(await startCluster({ dataDir, nodes: 1, environment }), stopCluster);
});

function spansOf(traceId: string): readonly CollectedSpan[] {
  return collector.spans.filter((span) => span.traceId === traceId);
}

function publish(headers: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(`${cluster.gateway}/mobile/v1/topics/traced/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${cluster.tokens.mobile}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ body: 'a message' }),
  });
}

/** The service and name of each span from the outermost to the innermost; each must lie within the one above. */
function chain(spans: readonly CollectedSpan[], outermost: string): string[] {
  const names: string[] = [];
  let above = outermost;
  for (;;) {
    const below = spans.filter(({ parentSpanId }) => parentSpanId === above);
    const [span] = below;
    if (span === undefined) return names;
    assert.equal(below.length, 1, `below ${above}`);
    assert.ok(BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano));
    names.push(`${span.service}: ${span.name}`);
    above = span.spanId;
  }
}

test('a publish is one trace from the gateway to the commit, below what the client sent', async () => {
  const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  const answer = await publish({ traceparent: `00-${traceId}-${spanId}-01` });
  assert.equal(answer.status, 201);
  // The id under which every process logs the request.
  assert.equal(answer.headers.get('x-request-id'), traceId);
  await until('all spans have come', () => spansOf(traceId).length >= 5, patientMs);
  assert.deepEqual(chain(spansOf(traceId), spanId), [
    'gateway: POST mobile-topic',
    'bff-mobile: POST /topics/:topic/messages',
    'bff-mobile: call a node',
    'node-1: POST /v1/messages',
    'node-1: publish',
  ]);
  const log = await until('the access log has it', async () => {
    const text = await readFile(join(cluster.dataDir, 'logs/gateway.log'), 'utf8');
    return text.split('\n').find((line) => line.includes(`"requestId":"${traceId}"`));
  });
  assert.match(log, /"route":"mobile-topic"/);
});

test('what the client does not want to be sampled is not, and a trace that is none begins a new one', async () => {
  const unsampled = '11f7651916cd43dd8448eb211c80319c';
  assert.equal((await publish({ traceparent: `00-${unsampled}-b7ad6b7169203331-00` })).status, 201);
  assert.equal((await publish({ traceparent: '00-00000000000000000000000000000000-b7ad6b7169203331-01' })).status, 201);
  const sampled = '22f7651916cd43dd8448eb211c80319c';
  assert.equal((await publish({ traceparent: `00-${sampled}-b7ad6b7169203331-01` })).status, 201);
  // Spans arrive in order of their ends: had the others been sampled, they would be here by now.
  await until('a later trace has come', () => spansOf(sampled).length >= 5, patientMs);
  assert.deepEqual(spansOf(unsampled), []);
  const known = ['0af7651916cd43dd8448eb211c80319c', sampled];
  assert.deepEqual(
    collector.spans.filter(({ traceId }) => !known.includes(traceId)),
    [],
  );
});

const subscription = 'subscription { messageAdded(topic: "traced") { consistencyToken } }';

test('an event stream is a span until its reader leaves, which is no failure', async () => {
  const traceId = '33f7651916cd43dd8448eb211c80319c';
  const reader = new AbortController();
  const stream = await fetch(`${cluster.gateway}/web/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${cluster.tokens.web}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    },
    body: JSON.stringify({ query: subscription }),
    signal: reader.signal,
  });
  assert.equal(stream.status, 200);
  const leftNano = BigInt(Date.now()) * 1_000_000n;
  reader.abort();
  for (const outer of ['gateway: POST web-events', 'bff-web: POST /web/graphql']) {
    const find = (): CollectedSpan | undefined =>
      spansOf(traceId).find(({ service, name }) => `${service}: ${name}` === outer);
    const span = await until(`${outer} has ended`, find, patientMs);
    assert.notEqual(span.status.code, errorStatus, outer);
    assert.ok(BigInt(span.endTimeUnixNano) >= leftNano, `${outer} ended before its stream`);
  }
});

test('a WebSocket is a span of the gateway until it closes', async () => {
  const traceId = '44f7651916cd43dd8448eb211c80319c';
  const socket = new WebSocket(`${cluster.gateway.replace('http', 'ws')}/web/graphql`, 'graphql-transport-ws', {
    headers: { authorization: `Bearer ${cluster.tokens.web}`, traceparent: `00-${traceId}-b7ad6b7169203331-01` },
  });
  await once(socket, 'open');
  const leftNano = BigInt(Date.now()) * 1_000_000n;
  socket.close();
  const [span] = await until('it has ended', () => spansOf(traceId).length === 1 && spansOf(traceId), patientMs);
  assert.equal(span?.name, 'GET web');
  assert.notEqual(span?.status.code, errorStatus);
  assert.ok(BigInt(span?.endTimeUnixNano ?? 0) >= leftNano);
});
