import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { ExecutionResult } from 'graphql';
import { graphQLErrorOf } from './graphql-errors.ts';

export interface Subscriber {
  /** Makes a result fit to be shown. */
  readonly present: (result: ExecutionResult) => ExecutionResult;
  /** Longest time between a result and the request for the next one, in milliseconds: the time in which the client takes it. */
  readonly patienceMs: number;
  /** Ends the connection. */
  readonly cut: () => void;
}

/** Results on their way to one client. `return` gives up what they come from, also while one is waited for. */
export interface SubscriberResults extends AsyncIterableIterator<ExecutionResult, undefined> {
  return(): Promise<IteratorResult<ExecutionResult, undefined>>;
}

/**
 * Results one by one, as fast as the client takes them: what it has not asked for stays in the cluster's logs, so that a slow
 * client costs hardly any memory. When one takes longer than `patienceMs`, its stream at the node is given up, and its last
 * result is the error `SLOW_READER`, after which it resumes by token; if it takes not even that for as long again, it is cut.
 */
export function subscriberResults(
  results: AsyncIterable<ExecutionResult>,
  { present, patienceMs, cut }: Subscriber,
): SubscriberResults {
  const source = results[Symbol.asyncIterator]();
  const end = { done: true, value: undefined } as const;
  let state: 'open' | 'stalled' | 'ended' = 'open';
  let timer: NodeJS.Timeout | undefined;
  const giveUp = async (): Promise<void> => {
    // An error of a source that nobody reads any more is nobody's.
    await source.return?.().catch(() => undefined);
  };
  const stall = (): void => {
    state = 'stalled';
    timer = setTimeout(cut, patienceMs);
    void giveUp();
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      clearTimeout(timer);
      if (state === 'ended') return end;
      if (state === 'stalled') {
        state = 'ended';
        return { done: false, value: present({ errors: [graphQLErrorOf(slowReader(patienceMs))] }) };
      }
      const step = await source.next();
      if (step.done === true) return end;
      timer = setTimeout(stall, patienceMs);
      return { done: false, value: present(step.value) };
    },
    async return() {
      clearTimeout(timer);
      state = 'ended';
      await giveUp();
      return end;
    },
  };
}

function slowReader(patienceMs: number): GrapevineError {
  return new GrapevineError(
    'SLOW_READER',
    `Expected the client to take each event within ${patienceMs} ms. Nothing is lost: go on with the last token as since.`,
  );
}
