/** A place to print. */
export interface Output {
  write(text: string): unknown;
  /** Whether it is a terminal whose user wants colours. */
  readonly colour: boolean;
  /** Characters in a line of the terminal; undefined when it is none. */
  readonly columns: number | undefined;
}

/** Where a command reads from. */
export interface Input extends AsyncIterable<Uint8Array> {
  /** True when somebody sits at it who can be asked. */
  readonly isTTY?: boolean;
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** What commands use of Node's `process`. */
export interface HostProcess {
  readonly pid: number;
  /** The running Node, with which children are started. */
  readonly execPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
  /** Signal 0 only asks whether the process exists. */
  kill(pid: number, signal: number): unknown;
  exitCode?: number | string | null | undefined;
}

/** What a command has to do with the world outside; `main.ts` makes it from `process`. */
export interface Context {
  /** The project's folder. */
  readonly root: string;
  readonly host: HostProcess;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Aborts at the first signal that asks this process to stop; further ones change nothing. */
export function stopSignal(host: HostProcess): AbortSignal & Disposable {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) host.on(signal, stop);
  return Object.assign(controller.signal, {
    [Symbol.dispose]: () => {
      for (const signal of signals) host.off(signal, stop);
    },
  });
}

export function isAlive(host: HostProcess, pid: number): boolean {
  try {
    host.kill(pid, 0);
    return true;
  } catch (error) {
    // It exists, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
