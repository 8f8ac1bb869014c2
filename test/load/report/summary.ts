import { table } from '../../../cli/src/terminal/table.ts';
import type { LoadReport } from './load-report.ts';

/** The report for a terminal. */
export function summary(report: LoadReport): string {
  const { scenario, load, target, seconds, succeeded, failed, errorRate, perSecond, latencyMs, generatorLateMs } =
    report;
  const { p50, p90, p99, p999, max } = latencyMs;
  const kinds = report.requests.map(({ name, succeeded: good, failed: bad, latencyMs: of }) => [
    name,
    `${good}`,
    `${bad}`,
    ...[of.p50, of.p90, of.p99, of.max].map(milliseconds),
  ]);
  const held = report.convergence.flatMap(({ ms }) => ms ?? []).toSorted((a, b) => a - b);
  return [
    `${scenario}: ${load} for ${Math.round(seconds)} s on ${target}`,
    '',
    table([['requests', 'good', 'failed', 'p50', 'p90', 'p99', 'longest'], ...kinds], undefined),
    '',
    `${succeeded + failed} requests, ${perSecond.toFixed(1)} good answers per second, ${failed} failed (${percent(errorRate)})`,
    `latency p50 ${milliseconds(p50)} · p90 ${milliseconds(p90)} · p99 ${milliseconds(p99)} · p99.9 ${milliseconds(p999)} · longest ${milliseconds(max)}`,
    ...(generatorLateMs === null ? [] : [`the generator itself was late by ${milliseconds(generatorLateMs)} (p99)`]),
    ...(held.length === 0
      ? []
      : [
          `convergence p50 ${milliseconds(held[Math.floor(held.length / 2)] ?? 0)} · longest ${milliseconds(held.at(-1) ?? 0)}`,
        ]),
    ...report.errors.map(({ code, count }) => `  ${code}: ${count}`),
    ...report.faults.map(({ kind, what, from, to }) => `  ${from.toFixed(1)}–${to.toFixed(1)} s: ${kind} ${what}`),
    '',
    ...report.checks.map(({ name, passed, found }) => `${passed === undefined ? '–' : mark(passed)} ${name}: ${found}`),
    ...report.thresholds.map(({ name, limit, found, met }) => `${mark(met)} ${name}: ${found} of at most ${limit}`),
  ].join('\n');
}

function mark(passed: boolean): string {
  return passed ? '✔' : '✘';
}

/** With three digits that count. */
export function milliseconds(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ms`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
