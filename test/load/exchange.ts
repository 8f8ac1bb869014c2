/** One request, and what makes its answer a good one. */
export interface Exchange {
  /** What it is, such as `mobile publish`: the report has a line for each name. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Takes the answer in. Answers the error code when it is not what was asked for: the API's own, or `HTTP_` and the status. */
  judge(status: number, body: string): string | undefined;
}

/** How one request ended. */
export interface Outcome {
  readonly name: string;
  /** From the moment it was due (open loop) or sent (closed loop), in milliseconds. */
  readonly latencyMs: number;
  /** Of the monotonic clock, in milliseconds. */
  readonly endedMs: number;
  /** The error code; undefined when all went well. */
  readonly failure: string | undefined;
}

/** What drives requests: an open or a closed loop. Resolves when the time is over or `signal` aborts, and all has ended that it sent. */
export type Generator = (
  next: () => Exchange,
  onOutcome: (outcome: Outcome) => void,
  signal: AbortSignal,
) => Promise<void>;

/** A request that has no answer within this has failed, in milliseconds: above the gateway's own deadline, so that its reason is seen. */
export const answerMs = 35_000;

/** What `exchange` says of an answer; one that it cannot read has failed too. */
export function judged(exchange: Exchange, status: number, body: string): string | undefined {
  try {
    return exchange.judge(status, body);
  } catch {
    return 'UNEXPECTED_ANSWER';
  }
}
