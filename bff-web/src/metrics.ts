import type { CallObserver } from '@grapevine/shared/cluster-client/cluster-calls.ts';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { OperationKind } from './operation-checks.ts';

/** Seconds, from an answer out of memory to the longest wait that a publish may ask for. */
const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What this service counts and times. */
export class WebMetrics {
  readonly #requests: Histogram<'method' | 'status'>;
  readonly #operations: Counter<'type'>;
  readonly #attempts: Histogram<'node' | 'outcome'>;
  readonly #lookUps: Counter<'outcome'>;
  readonly #registry: Registry;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#registry = registry;
    this.#lookUps = new Counter({
      name: 'grapevine_kept_answers_total',
      help: 'Queries whose answer may be kept, by whether one stood (hit) or was made (miss).',
      labelNames: ['outcome'],
      registers,
    });
    this.#requests = new Histogram({
      name: 'grapevine_http_request_duration_seconds',
      help: 'Time from the request line to the end of the answer; of a subscription, how long it lasted.',
      labelNames: ['method', 'status'],
      buckets,
      registers,
    });
    this.#operations = new Counter({
      name: 'grapevine_graphql_operations_total',
      help: 'GraphQL operations by type, refused ones included.',
      labelNames: ['type'],
      registers,
    });
    this.#attempts = new Histogram({
      name: 'grapevine_node_call_duration_seconds',
      help: 'Time of one call to one node, by its outcome.',
      labelNames: ['node', 'outcome'],
      buckets,
      registers,
    });
  }

  countOperation(type: OperationKind): void {
    this.#operations.inc({ type });
  }

  readonly countLookUp = (outcome: 'hit' | 'miss'): void => {
    this.#lookUps.inc({ outcome });
  };

  showKeptAnswers(bytes: () => number): void {
    new Gauge({
      name: 'grapevine_kept_answers_bytes',
      help: 'Memory that kept answers take, roughly.',
      registers: [this.#registry],
      collect() {
        this.set(bytes());
      },
    });
  }

  readonly timeAttempt: CallObserver = ({ node, outcome, ms }) => {
    this.#attempts.observe({ node, outcome }, ms / 1_000);
  };

  /** A request took `ms` until it was over, in one way or another. */
  observeRequest(method: string, status: string, ms: number): void {
    this.#requests.observe({ method, status }, ms / 1_000);
  }
}
