import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes, Span, SpanKind, Tracing } from './tracing.ts';

interface Current {
  readonly tracing: Tracing;
  readonly span: Span;
}

/** The span whose work goes on right now; empty as long as nothing is traced. */
const current = new AsyncLocalStorage<Current>();

/** Runs `work`, and all that follows from it, as the work of `span`. */
export function within(tracing: Tracing, span: Span, work: () => void): void {
  current.run({ tracing, span }, work);
}

/**
 * Does `work` as a step below the current span, which ends with it; `work` gets the `traceparent` for what it asks of others.
 * Where nothing is traced it is only done.
 */
export async function traced<Result>(
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  work: (traceparent: string | undefined) => Promise<Result>,
): Promise<Result> {
  const above = current.getStore();
  if (above === undefined) return work(undefined);
  const { tracing } = above;
  const span = tracing.begin(name, kind, above.span.traceparent, attributes);
  try {
    const result = await current.run({ tracing, span }, () => work(span.traceparent));
    span.end();
    return result;
  } catch (error) {
    span.end({ failed: true });
    throw error;
  }
}
