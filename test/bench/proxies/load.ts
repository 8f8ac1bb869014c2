import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ProxyProcess } from './contenders.ts';

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly path: string;
  readonly tokens: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Linux counts CPU time in ticks of a hundredth of a second, on every architecture that Node runs on. */
const tickMicroseconds = 10_000;

export interface Measured {
  readonly requests: number;
  /** CPU time of the proxy's process, in microseconds. */
  readonly cpuPerRequest: number;
}

/** Puts the load on a proxy by wrk. Fails on any error. */
export function putLoad(proxy: ProxyProcess, load: Load, scriptFile: string): Promise<Measured> {
  return putScript(proxy, load, wrkScript(load), scriptFile);
}

/** Puts the requests of a wrk script on a process. Fails on any error. */
export async function putScript(
  { port, child, name }: ProxyProcess,
  { connections, seconds, path }: Omit<Load, 'tokens'>,
  script: string,
  scriptFile: string,
): Promise<Measured> {
  writeFileSync(scriptFile, script);
  const options = [
    '--timeout=30s',
    `--connections=${connections}`,
    '--threads=1',
    `--duration=${seconds}s`,
    `--script=${scriptFile}`,
  ];
  const before = cpuMicroseconds(child.pid);
  const { stdout } = await promisify(execFile)('wrk', [...options, `http://127.0.0.1:${port}${path}`]);
  const took = cpuMicroseconds(child.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  if (!(requests > 0) || /Non-2xx|Socket errors/.test(stdout)) {
    throw new Error(`${name} answered with errors:\n${stdout}`);
  }
  return { requests, cpuPerRequest: took / requests };
}

/** Requests after which the compiler has seen all that it will see of a proxy's code. */
const warmUpRequests = 60_000;

/** Until it has, it works on other threads of the same process, whose time would count. */
export async function warmUp(proxy: ProxyProcess, load: Load, scriptFile: string): Promise<void> {
  for (let made = 0; made < warmUpRequests; ) made += (await putLoad(proxy, load, scriptFile)).requests;
}

/** Every caller in turn. The requests are printed once, so that wrk costs as little as it can. */
function wrkScript({ tokens, path, headers = {} }: Load): string {
  const more = Object.entries(headers).map(([name, value]) => `, ["${name}"] = "${value}"`);
  return [
    'local requests, at = {}, 0',
    'function init(args)',
    `  for token in ("${tokens.join(' ')}"):gmatch("%S+") do`,
    `    requests[#requests + 1] = wrk.format("GET", "${path}", { Host = "127.0.0.1", Authorization = "Bearer " .. token${more.join('')} })`,
    '  end',
    'end',
    'function request()',
    '  at = at % #requests + 1',
    '  return requests[at]',
    'end',
  ].join('\n');
}

/** CPU time of all threads of a process, its own and the kernel's on its behalf (proc_pid_stat(5), fields 14 and 15). */
function cpuMicroseconds(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [, ...fields] = stat.slice(stat.lastIndexOf(')')).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMicroseconds;
}
