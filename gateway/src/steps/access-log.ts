import type { Clock } from '@grapevine/shared/clock.ts';
import { outputOf } from '@grapevine/shared/logging.ts';
import type { Logger } from 'pino';
import type { GatewayMetrics } from '../gateway-metrics.ts';
import type { RequestContext, Step } from '../request-context.ts';
import { pathOf } from '../routes/request-target.ts';

/** Longest path that is logged. The query is not: it can hold what nobody should read in a log. */
const loggedPathLength = 512;

/**
 * One line and one measurement per request, when its connection is done with it. The lines are printed here and not by
 * pino, which spends on one of them as much as five other steps together; they look like all others.
 */
export function accessLog(log: Logger, metrics: GatewayMetrics, clock: Clock): Step {
  const output = outputOf(log);
  const name = JSON.stringify(log.bindings()['name']);
  const time = new IsoTimes(clock);
  return (request, response, next) => {
    const startedMs = clock.monotonicMs();
    const { socket, context } = request;
    const bytesBefore = socket.bytesWritten;
    metrics.inFlight++;
    context.whenOver.push(() => {
      const ms = clock.monotonicMs() - startedMs;
      const { route, refusal } = context;
      // 499 as nginx has it: there was no answer because the client did not wait for one.
      const status = response.headersSent ? response.statusCode : 499;
      metrics.inFlight--;
      metrics.observe(context, status, ms);
      if (!log.isLevelEnabled('info')) return;
      output.write(
        `{"level":"info","time":"${time.now()}","name":${name},"requestId":"${context.requestId}"` +
          member('traceparent', request.headers['traceparent']) +
          // The parser knows methods by their names, and takes no other.
          `,"method":"${request.method}"` +
          member('path', pathOf(request.url).slice(0, loggedPathLength)) +
          `,"status":${status},"complete":${response.writableFinished}` +
          member('code', refusal) +
          `,"ms":${milliseconds(ms)}` +
          member('principal', context.identity?.subject) +
          member('route', route?.name) +
          member('upstream', context.tried.at(-1)?.url) +
          `,"attempts":${context.tried.length}` +
          (context.cache === undefined ? '' : `,"cache":"${context.cache}"`) +
          upstreamMs(context, startedMs + ms) +
          `,"bytes":${socket.bytesWritten - bytesBefore},"msg":"request"}\n`,
      );
    });
    next();
  };
}

/** How long the upstream took, in all attempts together, until its answer began or nobody waited any more. */
function upstreamMs({ sentMs, answeredMs }: RequestContext, overMs: number): string {
  return sentMs === undefined ? '' : `,"upstreamMs":${milliseconds((answeredMs ?? overMs) - sentMs)}`;
}

/** To three places. Printing a fraction costs more than printing its parts. */
function milliseconds(ms: number): string {
  const microseconds = Math.round(ms * 1_000);
  return `${Math.floor(microseconds / 1_000)}.${String(microseconds % 1_000).padStart(3, '0')}`;
}

function member(name: string, value: string | string[] | undefined): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}

/** The wall clock as pino prints it. All but the milliseconds stays the same for a second. */
class IsoTimes {
  readonly #clock: Clock;
  #second = Number.NaN;
  #text = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): string {
    const ms = this.#clock.wallMs();
    const second = Math.floor(ms / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1_000).toISOString().slice(0, -'000Z'.length);
    }
    return `${this.#text}${String(ms % 1_000).padStart(3, '0')}Z`;
  }
}
