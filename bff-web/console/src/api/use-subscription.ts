import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import { ApiError, subscribe } from './graphql.ts';
import { signOut } from './session.ts';

export type Connection = 'connecting' | 'live' | 'lost';

/** Between two attempts, in milliseconds: soon enough that a restarted BFF is noticed at once. */
const firstRetryMs = 300;
const longestRetryMs = 3_000;

export interface Subscribed {
  readonly connection: Connection;
  /** Why the connection is lost. */
  readonly problem: string | undefined;
}

/** Keeps a subscription open, whatever happens to the servers, and hands on what it brings. */
export function useSubscription<Data>(
  schema: z.ZodType<Data>,
  document: string,
  variables: Readonly<Record<string, unknown>>,
  take: (data: Data) => void,
): Subscribed {
  const [state, setState] = useState<Subscribed>({ connection: 'connecting', problem: undefined });
  const key = JSON.stringify(variables);
  useEffect(() => {
    const ended = new AbortController();
    const follow = async (): Promise<void> => {
      for (let pauseMs = firstRetryMs; !ended.signal.aborted; ) {
        let problem = 'The server ended the connection.';
        try {
          for await (const data of subscribe(schema, document, JSON.parse(key), ended.signal)) {
            pauseMs = firstRetryMs;
            setState((before) => (before.connection === 'live' ? before : { connection: 'live', problem: undefined }));
            take(data);
          }
        } catch (error) {
          if (ended.signal.aborted) return;
          if (error instanceof ApiError && error.refused) return signOut(error.message);
          problem = error instanceof ApiError ? error.message : 'The connection broke.';
        }
        if (ended.signal.aborted) return;
        setState({ connection: 'lost', problem });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        pauseMs = Math.min(longestRetryMs, pauseMs * 2);
      }
    };
    void follow();
    return () => ended.abort();
  }, [document, key]);
  return state;
}
