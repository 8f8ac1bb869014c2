import type { SetFullCounts } from '../check/set-full.ts';
import { type Broken, SafetyViolation } from '../check/violation.ts';
import type { Plan } from '../plan/plan.ts';
import { runPlan } from '../run-plan.ts';

/** What became of one run; plain data, so that it can pass between threads. */
export interface Outcome {
  /** Undefined when every promise was kept. */
  readonly failure: Failure | undefined;
  /** How often each situation was reached. */
  readonly situations: Readonly<Record<string, number>>;
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly convergenceMs: number;
  readonly acknowledged: number;
  readonly messages: SetFullCounts | undefined;
  readonly datagrams: number;
}

export interface Failure {
  readonly broken: Broken;
  readonly message: string;
}

/** Runs a plan to its end or to the first broken promise. Never throws. */
export async function outcomeOf(plan: Plan): Promise<Outcome> {
  const { world, convergenceMs, messages, error } = await runPlan(plan);
  return {
    failure: error === undefined ? undefined : failureOf(error),
    situations: world.situations.counts(),
    traceHash: world.trace.digest(),
    simulatedMs: world.nowMs(),
    convergenceMs,
    acknowledged: world.checker.acknowledged,
    messages,
    datagrams: world.network.counts.sent,
  };
}

export function failureOf(error: unknown): Failure {
  if (error instanceof SafetyViolation) return { broken: error.broken, message: error.message };
  return { broken: 'crash', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
