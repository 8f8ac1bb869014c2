import type { Context, SpanContext } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { TracingConfig } from '../config/schema.ts';
import type { Attributes, Span, SpanKind, Tracing } from './tracing.ts';

/** Spans that wait for the collector, about 1 KB each; further ones are dropped. */
const maxQueuedSpans = 4_096;
/** Between two deliveries, in milliseconds. */
const deliveryMs = 1_000;
/** For one delivery, in milliseconds: a collector that hangs must not hold up the end of a process. */
const deliveryTimeoutMs = 2_000;
/** Deliveries at once. */
const maxDeliveries = 4;

const traceparentPattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const forbiddenVersion = 'ff';

/**
 * Traces by OpenTelemetry, sent over OTLP/HTTP; undefined when no collector is configured. Its libraries take 150 ms and
 * 30 MB to load, so they are loaded only then.
 */
export async function openTracing(
  { endpoint, ratio }: TracingConfig,
  service: { readonly name: string; readonly instance: string },
  log: Logger,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const report = (message: string): void => log.warn({ reason: message }, 'traces could not be delivered');
  const silent = (): void => {};
  api.diag.setLogger({ error: report, warn: silent, info: silent, debug: silent, verbose: silent });
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    timeoutMillis: deliveryTimeoutMs,
    concurrencyLimit: maxDeliveries,
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service.name, 'service.instance.id': service.instance }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter,
        maxQueueSize: maxQueuedSpans,
        scheduledDelayMillis: deliveryMs,
        exportTimeoutMillis: deliveryTimeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer('grapevine');
  const kinds: Readonly<Record<SpanKind, number>> = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    internal: api.SpanKind.INTERNAL,
  };
  const below = (traceparent: string | undefined): Context => {
    const parent = parse(traceparent);
    return parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent);
  };
  return {
    name: 'traces',
    begin: (name, kind, traceparent, attributes: Attributes = {}): Span => {
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, below(traceparent));
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceId,
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        end: (outcome = {}) => {
          if (outcome.name !== undefined) span.updateName(outcome.name);
          if (outcome.attributes !== undefined) span.setAttributes(outcome.attributes);
          if (outcome.failed === true) span.setStatus({ code: api.SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    stop: () => provider.shutdown(),
  };
}

/** W3C Trace Context, section 3.2: ids of zeros alone are no ids, and of other versions only what this one has counts. */
function parse(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = traceparentPattern.exec(traceparent ?? '') ?? [];
  if (traceId === '' || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  if (traceparent?.startsWith(forbiddenVersion) === true) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}
