import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recorder } from '../recorder.ts';
import type { LoadReport } from './load-report.ts';
import { reportPage } from './report-page.ts';
import { summary } from './summary.ts';

function reportOf(change: Partial<LoadReport>): LoadReport {
  const recorder = new Recorder(0, 3);
  for (let i = 1; i <= 1_000; i++) {
    recorder.add({ name: 'web page', latencyMs: i, endedMs: i * 3 - 1, failure: undefined });
  }
  recorder.add({ name: 'web publish', latencyMs: 5, endedMs: 1_500, failure: 'OVERLOADED' });
  return {
    at: '2026-01-02T03:04:05.000Z',
    machine: { node: 'v1', platform: 'linux', arch: 'x64', cpus: 2, model: 'A <fast> one' },
    target: 'a cluster',
    scenario: 'web',
    load: '300 requests/s, open loop',
    chaos: ['kill'],
    seconds: 3,
    interrupted: false,
    succeeded: recorder.succeeded,
    failed: recorder.failed,
    errorRate: 0.001,
    perSecond: 333.3,
    latencyMs: recorder.latencyMs,
    generatorLateMs: 1.5,
    requests: recorder.kinds(),
    errors: [{ code: 'OVERLOADED', count: 1 }],
    sliceSeconds: 1,
    slices: recorder.slices(),
    convergence: [
      { at: 0.5, ms: 12 },
      { at: 1, ms: null },
    ],
    faults: [{ kind: 'kill', what: 'node-<2>', from: 1, to: 2 }],
    checks: [{ name: 'all roots are equal', passed: undefined, found: 'not looked at' }],
    thresholds: [{ name: 'p99 in milliseconds', limit: 900, found: 990, met: false }],
    passed: false,
    ...change,
  };
}

test('latencies are counted to a thousandth, in all and in each stretch of time', () => {
  const { latencyMs, slices } = reportOf({});
  const { p50 = 0, p99 = 0 } = latencyMs ?? {};
  assert.ok(Math.abs(p50 - 500) <= 1, `${p50}`);
  assert.ok(Math.abs(p99 - 990) <= 1, `${p99}`);
  assert.deepEqual(
    slices.map(({ at, failures }) => [at, failures]),
    [
      [0, {}],
      [1, { OVERLOADED: 1 }],
      [2, {}],
    ],
  );
});

test('the page needs nothing from elsewhere, and shows what happened and what is wrong', () => {
  const page = reportPage(reportOf({}));
  assert.doesNotMatch(page, /https?:|<script|src=|NaN|undefined/);
  for (const part of [
    'Something is wrong',
    'A &lt;fast&gt; one',
    'kill node-&lt;2&gt;',
    'OVERLOADED',
    'not confirmed',
    '300 requests/s',
    'p99 in milliseconds: 990 of at most 900',
  ]) {
    assert.ok(page.includes(part), part);
  }
  assert.ok(reportPage(reportOf({ passed: true })).includes('All checks passed'));
});

test('while nothing is answered there is no latency, and its line has a gap', () => {
  const recorder = new Recorder(0, 6);
  for (const second of [0, 1, 4, 5]) {
    recorder.add({ name: 'web page', latencyMs: 10, endedMs: second * 1_000, failure: undefined });
  }
  recorder.add({ name: 'web page', latencyMs: 0, endedMs: 2_000, failure: 'ECONNREFUSED' });
  const slices = recorder.slices();
  assert.deepEqual(
    slices.map(({ latencyMs }) => latencyMs === null),
    [false, false, true, true, false, false],
  );
  const [, plot = ''] = reportPage(reportOf({ slices, seconds: 6, faults: [] })).split('aria-label="Latency"');
  const lines = plot.slice(0, plot.indexOf('</svg>')).match(/<polyline points="[^"]*"/g) ?? [];
  assert.deepEqual(
    lines.map((line) => line.split(' ').length - 1),
    Array.from({ length: 8 }, () => 2),
  );
});

test('the terminal tells of messages that not every node confirmed', () => {
  assert.match(summary(reportOf({})), /^convergence p50 12\.0 ms · longest 12\.0 ms · not confirmed: 1 of 2$/m);
  const none = { convergence: [{ at: 0.5, ms: null }] };
  assert.match(summary(reportOf(none)), /^convergence p50 – · longest – · not confirmed: 1 of 1$/m);
});

test('a run in which nothing was answered has a page, too', () => {
  const empty = new Recorder(0, 3);
  const nothing = { succeeded: 0, requests: [], errors: [], slices: [], convergence: [], latencyMs: empty.latencyMs };
  assert.doesNotMatch(reportPage(reportOf(nothing)), /NaN|Infinity/);
  assert.doesNotMatch(summary(reportOf(nothing)), /NaN|Infinity/);
});

test('the terminal gets the same', () => {
  const printed = summary(reportOf({}));
  assert.match(printed, /^✘ p99 in milliseconds: 990 of at most 900$/m);
  assert.match(printed, /^– all roots are equal: not looked at$/m);
  assert.match(printed, /1\.0–2\.0 s: kill node-<2>/);
});
