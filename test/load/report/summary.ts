import { table } from '../../../cli/src/terminal/table.ts';
import type { Latencies } from '../recorder.ts';
import type { LoadReport } from './load-report.ts';

/** The report for a terminal. */
export function summary(report: LoadReport): string {
  const { scenario, load, target, seconds, succeeded, failed, errorRate, perSecond, generatorLateMs } = report;
  const { p50, p90, p99, p999, max } = printedLatencies(report.latencyMs);
  const kinds = report.requests.map(({ name, succeeded: good, failed: bad, latencyMs }) => {
    const of = printedLatencies(latencyMs);
    return [name, `${good}`, `${bad}`, of.p50, of.p90, of.p99, of.max];
  });
  return [
    `${scenario}: ${load} for ${Math.round(seconds)} s on ${target}`,
    '',
    table([['requests', 'good', 'failed', 'p50', 'p90', 'p99', 'longest'], ...kinds], undefined),
    '',
    `${succeeded + failed} requests, ${perSecond.toFixed(1)} good answers per second, ${failed} failed (${percent(errorRate)})`,
    `latency p50 ${p50} · p90 ${p90} · p99 ${p99} · p99.9 ${p999} · longest ${max}`,
    ...(generatorLateMs === null ? [] : [`the generator itself was late by ${milliseconds(generatorLateMs)} (p99)`]),
    ...convergenceLines(report),
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

function convergenceLines({ convergence }: LoadReport): string[] {
  if (convergence.length === 0) return [];
  const confirmed = convergence.flatMap(({ ms }) => ms ?? []).toSorted((a, b) => a - b);
  const [median, longest] = [confirmed[Math.floor(confirmed.length / 2)], confirmed.at(-1)].map(milliseconds);
  const missing = convergence.length - confirmed.length;
  return [
    `convergence p50 ${median} · longest ${longest}${missing === 0 ? '' : ` · not confirmed: ${missing} of ${convergence.length}`}`,
  ];
}

/** Each latency as it is printed. */
export function printedLatencies(latencyMs: Latencies | null): Readonly<Record<keyof Latencies, string>> {
  const { p50, p90, p99, p999, max } = latencyMs ?? {};
  return {
    p50: milliseconds(p50),
    p90: milliseconds(p90),
    p99: milliseconds(p99),
    p999: milliseconds(p999),
    max: milliseconds(max),
  };
}

/** With three digits that count; a dash when there is none. */
export function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–';
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ms`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
