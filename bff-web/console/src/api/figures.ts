import { z } from 'zod';
import { verdictSchema } from './cluster.ts';

const shareSchema = z.number().nullable();

const gatewaySchema = z.object({
  requests: z.array(z.object({ route: z.string(), status: z.string(), perSecond: z.number() })),
  p50Ms: shareSchema,
  p90Ms: shareSchema,
  p99Ms: shareSchema,
  breakers: z.array(z.object({ upstream: z.string(), target: z.string(), state: z.string() })),
  limitedPerSecond: z.number(),
  shedPerSecond: z.number(),
  cacheHitShare: shareSchema,
});
export type GatewayFigures = z.infer<typeof gatewaySchema>;

const figuresSchema = z.object({
  at: z.string().transform((text) => Date.parse(text)),
  verdict: verdictSchema.nullable(),
  publishedPerSecond: shareSchema,
  convergenceMs: shareSchema,
  convergenceHighMs: shareSchema,
  gossipBytesPerSecond: shareSchema,
  duplicateShare: shareSchema,
  pullsPerSecond: shareSchema,
  gateway: gatewaySchema.nullable(),
});
export type Figures = z.infer<typeof figuresSchema>;

export const figuresAnswerSchema = z.object({ cluster: z.object({ figures: z.array(figuresSchema) }) });
export const figuresQuery = `query Figures($since: DateTime) { cluster { figures(since: $since) {
  at verdict publishedPerSecond convergenceMs convergenceHighMs gossipBytesPerSecond duplicateShare pullsPerSecond
  gateway {
    requests { route status perSecond } p50Ms p90Ms p99Ms breakers { upstream target state }
    limitedPerSecond shedPerSecond cacheHitShare
  }
} } }`;
