import type { Logger } from 'pino';
import { flushLog } from './logging.ts';

/** Something that a process started and must stop. `stop` finishes what is in flight, within its own deadline. */
export interface Stoppable {
  readonly name: string;
  stop(): Promise<void>;
}

/** The signals and the exit of a process; `main.ts` passes Node's `process`. */
export interface ProcessPort {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): never;
  readonly connected?: boolean;
}

/** Whole stop of one process: longer than any single drain, shorter than what supervisors usually allow (10 s). */
const stopDeadlineMs = 9_000;

/**
 * Exit code of a process that has to be started anew and will go on then, such as a node that moves to a new origin: not a
 * start that failed (EX_TEMPFAIL of sysexits(3)).
 */
export const startAnewCode = 75;

/**
 * Runs a service until SIGTERM, SIGINT or the loss of its supervisor, then stops its parts in the reverse order of their
 * start and exits 0; exits 1 when that takes too long or something fails that nobody caught, with `startAnewCode` when `ended`
 * says why the service has to be started anew.
 */
export function runUntilSignalled(
  parts: readonly Stoppable[],
  log: Logger,
  port: ProcessPort,
  ended?: Promise<string>,
): void {
  let stopping = false;
  const exit = (code: number): void => void flushLog(log).finally(() => port.exit(code));
  const stop = (reason: string, code: number): void => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, 'stopping');
    const timer = setTimeout(() => {
      log.error({ deadlineMs: stopDeadlineMs }, 'did not stop in time');
      exit(1);
    }, stopDeadlineMs);
    timer.unref();
    stopAll(parts, log).then(
      (clean) => exit(clean ? code : 1),
      () => exit(1),
    );
  };
  void ended?.then((reason) => stop(reason, startAnewCode));
  port.on('SIGTERM', () => stop('SIGTERM', 0));
  port.on('SIGINT', () => stop('SIGINT', 0));
  // A child whose supervisor was killed would otherwise keep its ports for ever.
  if (port.connected === true) port.on('disconnect', () => stop('the supervisor is gone', 0));
  port.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    stop('uncaught exception', 1);
  });
  port.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    stop('unhandled rejection', 1);
  });
}

/** Stops in reverse order; a part that fails does not keep the others running. Answers whether all went well. */
async function stopAll(parts: readonly Stoppable[], log: Logger): Promise<boolean> {
  let clean = true;
  for (const part of [...parts].reverse()) {
    try {
      await part.stop();
    } catch (error) {
      clean = false;
      log.error({ err: error, part: part.name }, 'a part failed to stop');
    }
  }
  return clean;
}
