import { useCallback, useRef, useState } from 'preact/hooks';
import { ApiError, ask } from '../api/graphql.ts';
import { publishMutation, publishSchema, seenSchema, seenSubscription } from '../api/messages.ts';
import { useSubscription } from '../api/use-subscription.ts';
import { counted } from '../format.ts';
import { links } from '../route.ts';
import { Arrivals } from './arrivals.tsx';
import { Problem } from './problem.tsx';

interface PublishFormProps {
  readonly topic: string;
  readonly nodes: readonly string[];
}

/** Sightings by message and node, in milliseconds of the server's clock. */
export type Sightings = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Messages whose sightings are remembered: the last test message is among them. */
const maxRemembered = 256;

/** Publishes a test message, and shows when it arrives at each node. */
export function PublishForm({ topic, nodes }: PublishFormProps) {
  const body = useRef<HTMLTextAreaElement>(null);
  const [seen, setSeen] = useState<Sightings>(new Map());
  const [watched, setWatched] = useState<ReadonlySet<string>>(new Set());
  const [sent, setSent] = useState<{ readonly id: string; readonly tookMs: number } | undefined>();
  const [problem, setProblem] = useState<ApiError | undefined>();
  const [busy, setBusy] = useState(false);
  const take = useCallback(
    ({ messageSeen: { node, id, atMs } }: { messageSeen: { node: string; id: string | null; atMs: number } }) => {
      if (id === null) return setWatched((before) => new Set(before).add(node));
      setSeen((before) => {
        const next = new Map(before);
        next.set(id, new Map(before.get(id)).set(node, atMs));
        for (const oldest of [...next.keys()].slice(0, Math.max(0, next.size - maxRemembered))) next.delete(oldest);
        return next;
      });
    },
    [],
  );
  useSubscription(seenSchema, seenSubscription, { topic }, take);
  const publish = async (): Promise<void> => {
    const startedMs = performance.now();
    const { publish: answer } = await ask(publishSchema, publishMutation, { topic, body: body.current?.value ?? '' });
    setSent({ id: answer.message.id, tookMs: performance.now() - startedMs });
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    publish()
      .catch((error: unknown) => setProblem(error instanceof ApiError ? error : new ApiError(String(error), '')))
      .finally(() => setBusy(false));
  };
  return (
    <>
      <form class="publish" onSubmit={submit}>
        <label>
          Test message
          <textarea ref={body} rows={2} required />
        </label>
        <button type="submit" class="primary" disabled={busy}>
          Publish
        </button>
      </form>
      <p class="note">
        Watched on {watched.size} of {counted(nodes.length, 'node')}: what is published now shows when it arrives where.
      </p>
      <Problem problem={problem} />
      {sent !== undefined && (
        <div class="sent" aria-live="polite">
          <p>
            <a href={links.message(sent.id)}>
              <code>{sent.id.slice(0, 12)}…</code>
            </a>{' '}
            was accepted after {sent.tookMs.toFixed(0)} ms, as this browser saw it. It arrived at:
          </p>
          <Arrivals nodes={nodes} seen={seen.get(sent.id) ?? new Map()} />
        </div>
      )}
    </>
  );
}
