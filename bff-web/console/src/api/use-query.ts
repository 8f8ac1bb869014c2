import { useCallback, useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import { ApiError, ask } from './graphql.ts';
import { signOut } from './session.ts';

export interface Asked<Data> {
  /** The last answer; stays while a new one is awaited. */
  readonly data: Data | undefined;
  readonly problem: ApiError | undefined;
  readonly again: () => void;
}

/** Asks once, and again when the variables change or `again` is called. */
export function useQuery<Data>(
  schema: z.ZodType<Data>,
  document: string,
  variables: Readonly<Record<string, unknown>> = {},
): Asked<Data> {
  const [answer, setAnswer] = useState<{ key: string; data?: Data; problem?: ApiError }>({ key: '' });
  const [round, setRound] = useState(0);
  const key = JSON.stringify(variables);
  useEffect(() => {
    let wanted = true;
    ask(schema, document, JSON.parse(key))
      .then((data) => wanted && setAnswer({ key, data }))
      .catch((error: unknown) => {
        if (!wanted) return;
        const problem = error instanceof ApiError ? error : new ApiError(String(error), '');
        if (problem.refused) signOut(problem.message);
        else setAnswer({ key, problem });
      });
    return () => {
      wanted = false;
    };
  }, [document, key, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  const current = answer.key === key ? answer : undefined;
  return { data: current?.data, problem: current?.problem, again };
}
