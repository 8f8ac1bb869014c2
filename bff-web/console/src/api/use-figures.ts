import { useEffect, useState } from 'preact/hooks';
import { type Figures, figuresAnswerSchema, figuresQuery } from './figures.ts';
import { ask } from './graphql.ts';

/** As often as the server takes a sample, in milliseconds. */
const everyMs = 5_000;
const firstMs = 1_500;
/** What is shown: a quarter of an hour. */
const maxSamples = 180;

/** The last quarter of an hour, from the server at first, then what came since. A server that is away leaves a gap. */
export function useFigures(): readonly Figures[] {
  const [figures, setFigures] = useState<readonly Figures[]>([]);
  useEffect(() => {
    let last = 0;
    const load = async (): Promise<void> => {
      const since = last === 0 ? null : new Date(last).toISOString();
      const { cluster } = await ask(figuresAnswerSchema, figuresQuery, { since });
      const fresh = cluster.figures.filter(({ at }) => at > last);
      last = fresh.at(-1)?.at ?? last;
      if (fresh.length > 0) setFigures((before) => [...before, ...fresh].slice(-maxSamples));
    };
    // Whether the server can be reached is said once, above everything.
    const quietly = (): void => void load().catch(() => undefined);
    quietly();
    // A cluster that has just started has its first sample in a moment.
    const timers = [setInterval(quietly, everyMs), setTimeout(quietly, firstMs)];
    return () => timers.forEach(clearTimeout);
  }, []);
  return figures;
}
