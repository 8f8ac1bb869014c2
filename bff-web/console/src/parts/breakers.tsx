import type { GatewayFigures } from '../api/figures.ts';

const tones: Readonly<Record<string, string>> = { closed: 'equal', 'half-open': 'behind', open: 'forked' };

/** The circuit breaker before every instance of every upstream. */
export function Breakers({ breakers }: Pick<GatewayFigures, 'breakers'>) {
  return (
    <ul class="breakers" aria-label="Breakers">
      {breakers.map(({ upstream, target, state }) => (
        <li key={`${upstream} ${target}`}>
          <b>{upstream}</b> <code>{target.replace(/^https?:\/\//, '')}</code>
          <span class="badge" data-tone={tones[state]}>
            breaker {state}
          </span>
        </li>
      ))}
    </ul>
  );
}
