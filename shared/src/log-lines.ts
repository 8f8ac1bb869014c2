import type { DestinationStream, Logger } from 'pino';
import type { Clock } from './clock.ts';
import { isoTime } from './iso-time.ts';
import { outputOf } from './logging.ts';

/**
 * Prints the lines that there is one of for every request: like all others of `log`, without pino, which spends more on a line than
 * a short answer costs otherwise.
 */
export class LogLines {
  readonly #log: Logger;
  readonly #output: DestinationStream;
  readonly #clock: Clock;
  readonly #name: string;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#output = outputOf(log);
    this.#clock = clock;
    this.#name = JSON.stringify(log.bindings()['name']);
  }

  /** Whether anybody wants them. */
  get enabled(): boolean {
    return this.#log.isLevelEnabled('info');
  }

  /** A line of level info. `members`: JSON members, each behind a comma, as `textMember` gives them; no secrets, nothing is redacted. */
  print(members: string, message: string): void {
    const time = isoTime(this.#clock.wallMs());
    this.#output.write(`{"level":"info","time":"${time}","name":${this.#name}${members},"msg":"${message}"}\n`);
  }
}

/** Nothing when there is no value, as JSON has it. */
export function textMember(name: string, value: string | string[] | undefined): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}

/** Longest path that is logged. The query is not: it can hold what nobody should read in a log. */
const loggedPathLength = 512;

/** The path of a request target. */
export function pathMember(target: string): string {
  const query = target.indexOf('?');
  return textMember('path', target.slice(0, query === -1 ? loggedPathLength : Math.min(query, loggedPathLength)));
}

/** To three places. Printing a fraction costs more than printing its parts. */
export function msMember(name: string, ms: number): string {
  const microseconds = Math.round(ms * 1_000);
  return `,"${name}":${Math.floor(microseconds / 1_000)}.${String(microseconds % 1_000).padStart(3, '0')}`;
}
