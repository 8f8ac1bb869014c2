import { type DestinationStream, type Logger, pino } from 'pino';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogOptions {
  /** The process's name in every line, such as `gateway` or `node-2`. */
  readonly name: string;
  readonly level: LogLevel;
  /** Where lines go; standard output, in batches, when absent. */
  readonly destination?: DestinationStream;
}

/** Lines wait until there are so many bytes of them: a write for every line costs more than all else about it. */
const batchBytes = 8 * 1024;
/** … or for so long. What a killed process wrote last is lost; one that ends in any other way writes it first. */
const batchMs = 100;
/** Lines that nobody reads wait in memory up to here; then they are dropped, and the first line after them says how many. */
const maxWaitingBytes = 8 * 1024 * 1024;

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
  return pino(settings, options.destination ?? new BatchedOutput());
}

/**
 * Where the lines of `log` go, for those who print so many that pino's own way costs too much. What they write must be whole
 * lines as `createLogger` promises them.
 */
export function outputOf(log: Logger): DestinationStream {
  // The type of the logger leaves out what pino documents as its symbols.
  return (log as unknown as { readonly [pino.symbols.streamSym]: DestinationStream })[pino.symbols.streamSym];
}

/** Standard output in batches. pino writes it out when the process ends or before it dies of a `fatal` error. */
class BatchedOutput implements DestinationStream {
  readonly #output = pino.destination({ dest: 1, sync: false, minLength: batchBytes, maxLength: maxWaitingBytes });
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor() {
    this.#output.on('drop', () => this.#dropped++);
    this.#output.on('drain', () => this.#reportDropped());
  }

  write(line: string): void {
    this.#output.write(line);
    this.#timer ??= setTimeout(() => this.#flush(), batchMs).unref();
  }

  flushSync(): void {
    this.#output.flushSync();
  }

  #flush(): void {
    this.#timer = undefined;
    this.#output.flush();
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      dropped: this.#dropped,
      msg: 'log lines were dropped',
    };
    this.#dropped = 0;
    this.write(`${JSON.stringify(line)}\n`);
  }
}
