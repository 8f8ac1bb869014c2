/** Runs commands as `main.ts` does, against a stand-in for the gateway that answers what a test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { HostProcess } from '../context.ts';
import { runProgram } from '../program.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Iterable<string>;
  /** Whether standard input is a terminal. */
  readonly isTerminal?: boolean;
  /** Called with each piece of output; what it returns true for stops the command as Ctrl-C does. */
  readonly stopAfter?: (stdout: string) => boolean;
}

const root = new URL('../../../', import.meta.url).pathname.replace(/\/$/, '');

export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' };
  const stops = new Set<() => void>();
  const host: HostProcess = {
    pid: process.pid,
    execPath: process.execPath,
    env: { PATH: process.env['PATH'], ...options.env },
    cwd: () => process.cwd(),
    on: (_signal, listener) => stops.add(listener),
    off: (_signal, listener) => stops.delete(listener),
    kill: (pid, signal) => process.kill(pid, signal),
  };
  const outputTo = (name: 'stdout' | 'stderr') => ({
    colour: false,
    columns: undefined,
    write: (piece: string) => {
      output[name] += piece;
      if (options.stopAfter?.(output.stdout) === true) for (const stop of stops) stop();
    },
  });
  async function* stdin(): AsyncGenerator<Uint8Array> {
    for (const piece of options.stdin ?? []) yield new TextEncoder().encode(piece);
  }
  const input = Object.assign(stdin(), { isTTY: options.isTerminal ?? false });
  const context = { root, host, stdin: input, stdout: outputTo('stdout'), stderr: outputTo('stderr') };
  return { code: await runProgram(args, context), ...output };
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface StandInGateway extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** Options that point a command here. */
  readonly target: readonly string[];
}

/** Listens on a free port; `answer` answers every request. */
export async function standInGateway(
  answer: (request: SeenRequest, response: ServerResponse) => void,
): Promise<StandInGateway> {
  const requests: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const { method = '', url: path = '', headers } = request;
    const seen = { method, path, headers, body: body === '' ? undefined : JSON.parse(body) };
    requests.push(seen);
    answer(seen, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    target: ['--url', url, '--token', 'a-token'],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function sendProblem(response: ServerResponse, status: number, code: string, detail: string): void {
  sendJson(response, status, { type: `urn:grapevine:error:${code}`, title: 'no', status, detail, code });
}
