import type { Breaker, Figures, GatewayFigures, RequestRate } from '../history/figures.ts';
import { builder } from './builder.ts';
import { VerdictType } from './consistency.ts';

const RequestRateType = builder.objectRef<RequestRate>('RequestRate').implement({
  fields: (t) => ({
    route: t.exposeString('route'),
    status: t.exposeString('status', { description: 'Such as `2xx`.' }),
    perSecond: t.exposeFloat('perSecond'),
  }),
});

const BreakerType = builder.objectRef<Breaker>('Breaker').implement({
  description: 'The circuit breaker before one instance of an upstream.',
  fields: (t) => ({
    upstream: t.exposeString('upstream'),
    target: t.exposeString('target', { description: 'URL of the instance.' }),
    state: t.exposeString('state', { description: '`closed`, `half-open` or `open`.' }),
  }),
});

const GatewayFiguresType = builder.objectRef<GatewayFigures>('GatewayFigures').implement({
  fields: (t) => ({
    requests: t.field({
      type: [RequestRateType],
      description: 'By route and class of status; those that were none are left out.',
      resolve: ({ requests }) => [...requests],
    }),
    p50Ms: t.exposeFloat('p50Ms', { nullable: true, description: 'Half of the requests took less.' }),
    p90Ms: t.exposeFloat('p90Ms', { nullable: true }),
    p99Ms: t.exposeFloat('p99Ms', { nullable: true }),
    breakers: t.field({ type: [BreakerType], resolve: ({ breakers }) => [...breakers] }),
    limitedPerSecond: t.exposeFloat('limitedPerSecond', { description: 'Requests that a rate refused.' }),
    shedPerSecond: t.exposeFloat('shedPerSecond', { description: 'Requests turned away because of load.' }),
    cacheHitShare: t.exposeFloat('cacheHitShare', {
      nullable: true,
      description: 'Of the requests on routes with a cache, those that it answered: 0 to 1.',
    }),
  }),
});

export const FiguresType = builder.objectRef<Figures>('Figures').implement({
  description: 'What happened in a few seconds; null where nobody said, or nothing happened.',
  fields: (t) => ({
    at: t.expose('atMs', { type: 'DateTime', description: 'End of the interval.' }),
    verdict: t.field({ type: VerdictType, nullable: true, resolve: ({ verdict }) => verdict }),
    publishedPerSecond: t.exposeFloat('publishedPerSecond', { nullable: true }),
    convergenceMs: t.exposeFloat('convergenceMs', {
      nullable: true,
      description: 'From the publish to the disk of another node; half of the messages took less.',
    }),
    convergenceHighMs: t.exposeFloat('convergenceHighMs', { nullable: true, description: '99 of 100 took less.' }),
    gossipBytesPerSecond: t.exposeFloat('gossipBytesPerSecond', { nullable: true }),
    duplicateShare: t.exposeFloat('duplicateShare', {
      nullable: true,
      description: 'Of the segments that arrived, those that were there already: 0 to 1.',
    }),
    pullsPerSecond: t.exposeFloat('pullsPerSecond', {
      nullable: true,
      description: 'Round trips of pulls: answers that all nodes together got.',
    }),
    gateway: t.field({
      type: GatewayFiguresType,
      nullable: true,
      description: 'Null when bff-web does not know the gateway, or it did not answer.',
      resolve: ({ gateway }) => gateway,
    }),
  }),
});
