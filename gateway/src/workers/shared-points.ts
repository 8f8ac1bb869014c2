import { z } from 'zod';
import { BoundedMap } from '../limits/bounded-map.ts';
import type { OpenPointStore, PointStore, PointsTaken } from '../limits/point-store.ts';
import type { Dialogue } from './dialogue.ts';

/** A worker's wish for points. */
export const pointsQuestionSchema = z.object({
  kind: z.literal('points'),
  /** The rate that they are points of. */
  name: z.string(),
  perSecond: z.int(),
  burst: z.int(),
  maxKeys: z.int(),
  key: z.string(),
  points: z.int(),
});
export type PointsQuestion = z.infer<typeof pointsQuestionSchema>;

const pointsTakenSchema = z.object({ allowed: z.boolean(), remaining: z.number(), msBeforeNext: z.number() });

/**
 * Rates whose points are kept for workers: more than a configuration and the API keys have. Those that changes of the
 * configuration have left behind make room.
 */
const maxRates = 1_024;

/** In the primary: one store for each rate, shared by all workers. */
export class PointBroker {
  readonly #stores = new BoundedMap<string, PointStore>(maxRates);
  readonly #open: OpenPointStore;

  constructor(open: OpenPointStore) {
    this.#open = open;
  }

  take({ name, perSecond, burst, maxKeys, key, points }: PointsQuestion): Promise<PointsTaken> {
    const id = `${name} ${perSecond} ${burst}`;
    let store = this.#stores.get(id);
    if (store === undefined) {
      store = this.#open(name, { perSecond, burst }, maxKeys);
      this.#stores.set(id, store);
    }
    return store.take(key, points);
  }
}

/** In a worker: points are taken from the primary, so that a caller has one limit whichever worker its connections reach. */
export function pointsOfPrimary(primary: Dialogue): OpenPointStore {
  return (name, { perSecond, burst }, maxKeys) => ({
    take: async (key, points) => {
      const question: PointsQuestion = { kind: 'points', name, perSecond, burst, maxKeys, key, points };
      return pointsTakenSchema.parse(await primary.ask(question));
    },
  });
}
