import { createHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '@grapevine/shared/random.ts';
import { request, WebClient } from '../e2e/clients.ts';
import { thisMachine } from '../report/machine.ts';
import { type Check, checkMessages, checkRoots, countNodes } from './check-cluster.ts';
import { closedLoop } from './closed-loop.ts';
import { type Convergence, watchConvergence } from './convergence.ts';
import type { Exchange, Generator } from './exchange.ts';
import { breakThings, type Fault } from './faults.ts';
import { openLoop } from './open-loop.ts';
import type { LoadOptions } from './options.ts';
import { Published } from './published.ts';
import { Recorder } from './recorder.ts';
import type { LoadReport, Threshold } from './report/load-report.ts';
import { printedLatencies } from './report/summary.ts';
import type { OwnTarget, Target } from './target.ts';
import { Workload } from './workload.ts';

export interface LoadRun {
  readonly options: Pick<LoadOptions, 'scenario' | 'loop' | 'seconds' | 'chaos' | 'maxP99Ms' | 'maxErrorRate'>;
  /** One of its own when there is chaos. */
  readonly target: Target | OwnTarget;
  readonly random: Random;
  /** Hears several times a second how far it is. */
  readonly onProgress: (line: string) => void;
  /** Hears what is done beside the load. */
  readonly onEvent: (line: string) => void;
}

/** Between two reports of progress, in milliseconds. */
const progressMs = 250;

/** Puts the load on the target until it is over or `signal` aborts, then checks what the cluster promised. */
export async function runLoad(run: LoadRun, signal: AbortSignal): Promise<LoadReport> {
  const { options, target, random, onEvent } = run;
  const { scenario, seconds } = options;
  const at = new Date().toISOString();
  const runId = `${at.replaceAll(/\D/g, '').slice(0, 14)}-${random.below(1_000_000)}`;
  const published = new Published();
  const workload = new Workload(scenario, runId, target.tokens, published, random);
  const client = new WebClient(target.url, target.tokens.operator);
  await requireAnswers(target, workload.first());
  const nodes = await countNodes(client);

  const startedMs = performance.now();
  const now = (): number => (performance.now() - startedMs) / 1_000;
  const recorder = new Recorder(startedMs, seconds);
  const lateness = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const faults: Fault[] = [];
  const under = new Set<string>();
  let took = signal.aborted ? 0 : seconds;
  signal.addEventListener('abort', () => (took = Math.min(took, now())), { once: true });
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const load = async (): Promise<void> => {
    await generatorOf(run, lateness)(
      () => workload.next(),
      (outcome) => recorder.add(outcome),
      stop,
    );
    over.abort();
  };
  const probe = { client, topic: `${workload.prefix}/probe`, published, seconds, now };
  let convergence: readonly Convergence[];
  let unmended: readonly Check[];
  try {
    [convergence, unmended] = await Promise.all([
      nodes === undefined ? [] : watchConvergence({ ...probe, nodes }, stop),
      breakTarget(run, now, under, faults, stop),
      showProgress(run, recorder, now, under, stop),
      load(),
    ]);
  } finally {
    // When one of them fails, the others end as well.
    over.abort();
  }
  onEvent('checking what the cluster holds');
  const checks = [
    ...unmended,
    await checkRoots(client),
    ...(await checkMessages(target.url, target.tokens.mobile, published)),
  ];
  return report(run, { at, took, recorder, lateness, convergence, faults, checks, interrupted: signal.aborted });
}

/**
 * Breaks a cluster of its own as the options say. `under` holds what is broken now, `faults` what was. Answers a failed check when
 * something did not come back, so that the rest of the run is reported.
 */
async function breakTarget(
  { options, target, random, onEvent }: LoadRun,
  now: () => number,
  under: Set<string>,
  faults: Fault[],
  stop: AbortSignal,
): Promise<Check[]> {
  if (options.chaos.length === 0 || !('cluster' in target)) return [];
  const { cluster, network } = target;
  const onBegin = (what: string): void => {
    under.add(what);
    onEvent(`${now().toFixed(1)} s: ${what}`);
  };
  const onEnd = (fault: Fault): void => {
    const what = `${fault.kind} ${fault.what}`;
    faults.push(fault);
    under.delete(what);
    onEvent(`${now().toFixed(1)} s: ${what} is over`);
  };
  try {
    await breakThings({ cluster, network, kinds: options.chaos, random, now, onBegin, onEnd }, stop);
    return [];
  } catch (error) {
    return [
      { name: 'every fault ended', passed: false, found: `${[...under].join(', ')}: ${(error as Error).message}` },
    ];
  }
}

function generatorOf({ options, target, random }: LoadRun, lateness: { record(us: number): void }): Generator {
  const { loop, seconds } = options;
  const { url } = target;
  if (loop.kind === 'closed') return closedLoop({ url, connections: loop.connections, seconds });
  const onLateness = (ms: number): void => lateness.record(Math.max(1, Math.round(ms * 1_000)));
  return openLoop({ url, rate: loop.rate, seconds, random, onLateness });
}

/** Throws when the target does not take the first requests: a run against it would only count errors. */
async function requireAnswers({ url }: Target, exchanges: readonly Exchange[]): Promise<void> {
  for (const { method, path, headers, body, judge } of exchanges) {
    const answer = await request(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { raw: body }),
    }).catch((error: unknown) => {
      const { code = 'in time' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
      throw new Error(
        `${url} does not answer (${code}); start a cluster with \`npm start\`, or name another with --target.`,
        { cause: error },
      );
    });
    const failure = judge(answer.status, JSON.stringify(answer.body));
    if (failure !== undefined)
      throw new Error(`${url} refuses to publish: ${failure}; does the token have messages:write?`);
  }
}

async function showProgress(
  { options, onProgress }: LoadRun,
  recorder: Recorder,
  now: () => number,
  under: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { succeeded, failed } = recorder;
    const { p50, p99 } = printedLatencies(recorder.latencyMs);
    const faults = under.size === 0 ? '' : `, ${[...under].join(', ')}`;
    onProgress(
      `${now().toFixed(0)} of ${options.seconds} s: ${succeeded} answers, p50 ${p50}, p99 ${p99}, ${failed} failed${faults}`,
    );
    await delay(progressMs, undefined, { signal }).catch(() => {});
  }
}

interface Findings {
  readonly at: string;
  readonly took: number;
  readonly recorder: Recorder;
  readonly lateness: { percentile(percentile: number): number };
  readonly convergence: readonly Convergence[];
  readonly faults: readonly Fault[];
  readonly checks: readonly Check[];
  readonly interrupted: boolean;
}

function report({ options, target }: LoadRun, findings: Findings): LoadReport {
  const { scenario, loop, chaos, maxP99Ms, maxErrorRate } = options;
  const { at, took, recorder, lateness, convergence, faults, interrupted } = findings;
  const { succeeded, failed, latencyMs, failures } = recorder;
  const errorRate = failed / Math.max(1, succeeded + failed);
  const thresholds: Threshold[] = [
    limited('share of failed requests', maxErrorRate, errorRate),
    ...(maxP99Ms === undefined || latencyMs === null ? [] : [limited('p99 in milliseconds', maxP99Ms, latencyMs.p99)]),
  ];
  // Whoever ends a run before its first request has asked for no answer.
  const isSilent = succeeded === 0 && (failed > 0 || !interrupted);
  const silence: Check = { name: 'requests are answered', passed: false, found: 'none was' };
  const checks = isSilent ? [...findings.checks, silence] : findings.checks;
  return {
    at,
    machine: thisMachine(),
    target: target.description,
    scenario,
    load: loop.kind === 'open' ? `${loop.rate} requests/s, open loop` : `${loop.connections} clients, closed loop`,
    chaos,
    seconds: took,
    interrupted,
    succeeded,
    failed,
    errorRate,
    perSecond: succeeded / Math.max(took, 0.001),
    latencyMs,
    generatorLateMs: loop.kind === 'open' ? lateness.percentile(99) / 1_000 : null,
    requests: recorder.kinds(),
    errors: Object.entries(failures)
      .map(([code, count]) => ({ code, count }))
      .sort((a, b) => b.count - a.count),
    sliceSeconds: recorder.sliceSeconds,
    slices: recorder.slices(),
    convergence,
    faults,
    checks,
    thresholds,
    passed: thresholds.every(({ met }) => met) && checks.every(({ passed }) => passed !== false),
  };
}

function limited(name: string, limit: number, found: number): Threshold {
  const rounded = Math.round(found * 10_000) / 10_000;
  return { name, limit, found: rounded, met: found <= limit };
}
