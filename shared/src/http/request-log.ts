import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { LogLines, msMember, pathMember, textMember } from '../log-lines.ts';
import { requestIdOf } from './problem-handler.ts';

/** Writes a line for every request when it is over. */
export class RequestLog {
  readonly #lines: LogLines;
  readonly #clock: Clock;

  constructor(log: Logger, clock: Clock) {
    this.#lines = new LogLines(log, clock);
    this.#clock = clock;
  }

  /**
   * For the beginning of a request, whose `url` must still be whole. `over` hears how it ended, with the answer's status or `aborted`
   * when its client has gone away before the end, and after how many milliseconds; and says who asked, if that is known.
   */
  watch(
    request: IncomingMessage,
    response: ServerResponse,
    over: (status: string, ms: number) => string | undefined,
  ): void {
    const startedMs = this.#clock.monotonicMs();
    const { url = '' } = request;
    response.once('close', () => {
      const ms = this.#clock.monotonicMs() - startedMs;
      const isWhole = response.writableFinished;
      const principal = over(isWhole ? String(response.statusCode) : 'aborted', ms);
      if (!this.#lines.enabled) return;
      this.#lines.print(
        textMember('requestId', requestIdOf(request)) +
          textMember('method', request.method) +
          pathMember(url) +
          `,"status":${isWhole ? response.statusCode : '"aborted"'}` +
          msMember('ms', ms) +
          textMember('principal', principal),
        'request',
      );
    });
  }
}
