import { z } from 'zod';
import { fairWeather } from '../network.ts';
import { milliseconds } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** The whole network loses, doubles and reorders for a while. */
export const weather = actKind({
  kind: 'weather',
  weight: 2,
  silences: true,
  shape: {
    loss: z.number().min(0).max(1),
    duplication: z.number().min(0).max(1),
    longestMs: milliseconds,
    forMs: milliseconds,
  },
  draw({ random, between }) {
    return {
      loss: rounded(random.float() * 0.4),
      duplication: rounded(random.float() * 0.2),
      longestMs: 1 + Math.floor(60 * random.float() ** 3),
      forMs: between(200, 8_000),
    };
  },
  perform(world, { loss, duplication, longestMs, forMs }) {
    const { network } = world;
    const ours = { loss, duplication, delay: [0.2, longestMs] as const };
    network.weather = ours;
    world.faultFor(forMs, () => {
      if (network.weather === ours) network.weather = fairWeather;
    });
  },
});

function rounded(share: number): number {
  return Math.round(share * 1_000) / 1_000;
}
