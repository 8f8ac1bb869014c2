import type { Connection } from '../api/use-subscription.ts';
import { time } from '../format.ts';

interface ConnectionNoteProps {
  readonly connection: Connection;
  readonly problem: string | undefined;
  /** When something last came. */
  readonly heardAt: number;
}

/** Whether what the page shows is what is. */
export function ConnectionNote({ connection, problem, heardAt }: ConnectionNoteProps) {
  return (
    <p class="connection" role="status" data-connection={connection}>
      <span class="dot" aria-hidden="true" />
      {connection === 'live' && 'Live'}
      {connection === 'connecting' && 'Connecting…'}
      {connection === 'lost' && (
        <span>
          Connection lost, trying again. {heardAt === 0 ? '' : `Shown: ${time(heardAt)}. `}
          <span class="why">{problem}</span>
        </span>
      )}
    </p>
  );
}
