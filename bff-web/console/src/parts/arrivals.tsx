import { milliseconds } from '../format.ts';

interface ArrivalsProps {
  readonly nodes: readonly string[];
  /** When each node began to show the message, in milliseconds of one clock. */
  readonly seen: ReadonlyMap<string, number>;
}

/** How long after the first node each other one showed the message. */
export function Arrivals({ nodes, seen }: ArrivalsProps) {
  const first = Math.min(...seen.values());
  return (
    <ul class="arrivals">
      {nodes.map((node) => {
        const at = seen.get(node);
        return (
          <li key={node} data-tone={at === undefined ? 'waiting' : 'equal'}>
            <b>{node}</b>
            <span>{at === undefined ? 'not yet' : at === first ? 'first' : `+ ${milliseconds(at - first)}`}</span>
          </li>
        );
      })}
    </ul>
  );
}
