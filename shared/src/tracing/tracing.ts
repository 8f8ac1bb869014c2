import type { Stoppable } from '../lifecycle.ts';

export type SpanKind = 'server' | 'client' | 'internal';
export type Attributes = Readonly<Record<string, string | number>>;

/** One step of a trace, under way in this process. */
export interface Span {
  /** 32 hexadecimal digits, the same in all processes. */
  readonly traceId: string;
  /** What steps below it are told (W3C Trace Context, section 3.2). */
  readonly traceparent: string;
  /** `failed`: for whoever looks for what went wrong. `name`: in place of the first one, when more is known. */
  end(outcome?: { readonly name?: string; readonly failed?: boolean; readonly attributes?: Attributes }): void;
}

/** Makes spans and sends them to a collector; what it cannot send is dropped and never in anybody's way. */
export interface Tracing extends Stoppable {
  /**
   * Begins a span below `traceparent`, whose sampled flag it honours; without one, or with one that is none, a new trace
   * begins, of which as many are sampled as the configuration says.
   */
  begin(name: string, kind: SpanKind, traceparent: string | undefined, attributes?: Attributes): Span;
}
