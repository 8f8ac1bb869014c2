import { type DestinationStream, type Logger, pino } from 'pino';
import { LogOutput } from './log-output.ts';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogOptions {
  /** The process's name in every line, such as `gateway` or `node-2`. */
  readonly name: string;
  readonly level: LogLevel;
  /** Where lines go; standard output, in batches, when absent. */
  readonly destination?: DestinationStream;
}

/** Standard output (stdout(3)). */
const standardOutput = 1;

/** One JSON object per line with an ISO time. Tokens and identity headers never reach the log, wherever they stand. */
export function createLogger(options: LogOptions): Logger {
  const settings = {
    name: options.name,
    level: options.level,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: ['*.authorization', '*.cookie', '*["grapevine-identity"]', '*["x-api-key"]'],
      censor: '[redacted]',
    },
  };
  return pino(settings, options.destination ?? new LogOutput(standardOutput));
}

/** Resolves when what `log` still holds back is written, before the process ends; after half a second at most. */
export async function flushLog(log: Logger): Promise<void> {
  const output = outputOf(log);
  if (output instanceof LogOutput) await output.end();
}

/**
 * Where the lines of `log` go, for those who print so many that pino's own way costs too much. What they write must be whole
 * lines as `createLogger` promises them.
 */
export function outputOf(log: Logger): DestinationStream {
  // The type of the logger leaves out what pino documents as its symbols.
  return (log as unknown as { readonly [pino.symbols.streamSym]: DestinationStream })[pino.symbols.streamSym];
}
