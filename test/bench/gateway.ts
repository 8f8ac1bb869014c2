import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, Contender } from './harness.ts';
import { bearerTokens } from './proxies/bearers.ts';
import {
  type ProxyProcess,
  startBareHpm,
  startFastify,
  startGateway,
  startNginxProxy,
  startUpstream,
} from './proxies/contenders.ts';
import { type Load, putLoad, warmUp } from './proxies/load.ts';
import { installRivals } from './rivals.ts';

const bareHpm = 'http-proxy-middleware on express, bare';
const load: Load = { connections: 64, seconds: 4, path: '/mobile/v1/topics', tokens: bearerTokens(100) };

/** What a request costs the proxy's process. Ours does all its steps, the others only forward. */
export const gateway: Benchmark = {
  name: 'gateway',
  title: `CPU time of the proxy per request, 1 KB of JSON, ${load.connections} connections, ${load.tokens.length} callers`,
  figures: [{ unit: 'µs', better: 'lower', targets: [{ against: bareHpm, must: 1.4, aim: 1.9 }] }],
  rounds: 5,
  prepare: async () => {
    installRivals((line) => console.error(line));
    const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-'));
    const upstream = await startUpstream(folder);
    const url = `http://127.0.0.1:${upstream.port}`;
    const proxies = [
      await startGateway(url, folder),
      await startBareHpm(bareHpm, url, folder),
      await startFastify('@fastify/http-proxy, bare', url, folder),
      await startNginxProxy('nginx, bare', url, folder),
    ];
    for (const proxy of proxies) await warmUp(proxy, load, join(folder, 'load.lua'));
    return {
      contenders: proxies.map((proxy) => contender(proxy, folder)),
      close: async () => {
        for (const { child } of [...proxies, upstream]) child.kill();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

function contender(proxy: ProxyProcess, folder: string): Contender {
  const run = async (): Promise<number[]> => [(await putLoad(proxy, load, join(folder, 'load.lua'))).cpuPerRequest];
  return { name: proxy.name, run };
}
