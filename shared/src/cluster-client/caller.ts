import type { Identity } from '../identity/identity.ts';

/** On whose behalf a call to the cluster is made. */
export interface Caller {
  readonly identity: Identity;
  /** Goes down with the call, so that one id finds a request in every process's log. */
  readonly requestId?: string | undefined;
  /** When the caller will wait no longer, by the monotonic clock. */
  readonly deadlineMs?: number | undefined;
  /** Aborted when the caller is no longer interested; ends calls and streams. */
  readonly signal?: AbortSignal | undefined;
}
