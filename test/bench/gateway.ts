import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark } from './harness.ts';
import { bearerTokens } from './proxies/bearers.ts';
import {
  keptPath,
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
const forwarded: Load = { connections: 64, seconds: 4, path: '/mobile/v1/topics', tokens: bearerTokens(100) };
/** What everybody may read, which the upstream lets the gateway keep. */
const kept: Load = { ...forwarded, path: keptPath };
/** On the route of event streams, which http-proxy-middleware carries. */
const streamed: Load = { ...forwarded, path: '/web/graphql', headers: { Accept: 'text/event-stream' } };

/** What a request costs the proxy's process. Ours does all its steps, the others only forward, whatever is asked. */
export const gateway: Benchmark = {
  name: 'gateway',
  title: `CPU time of the proxy per request, 1 KB of JSON, ${forwarded.connections} connections, ${forwarded.tokens.length} callers`,
  figures: [
    { what: 'forwarded', unit: 'µs', better: 'lower', targets: [{ against: bareHpm, must: 1.4, aim: 1.9 }] },
    { what: 'from our cache', unit: 'µs', better: 'lower', targets: [{ against: bareHpm, must: 3 }] },
    { what: 'forwarded by our engine for streams', unit: 'µs', better: 'lower', targets: [] },
  ],
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
    const [ours, ...others] = proxies.map((proxy) => measured(proxy, join(folder, 'load.lua')));
    if (ours === undefined) throw new Error('there is nothing to measure');
    for (const load of [forwarded, kept, streamed]) await ours.warm(load);
    for (const other of others) await other.warm(forwarded);
    return {
      contenders: [
        {
          name: ours.name,
          run: async () => [await ours.cost(forwarded), await ours.cost(kept), await ours.cost(streamed)],
        },
        ...others.map(({ name, cost }) => ({
          name,
          run: async () => {
            const figure = await cost(forwarded);
            return [figure, figure, figure];
          },
        })),
      ],
      close: async () => {
        for (const { child } of [...proxies, upstream]) child.kill();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

interface MeasuredProxy {
  readonly name: string;
  warm(load: Load): Promise<void>;
  /** CPU time per request, in microseconds. */
  cost(load: Load): Promise<number>;
}

function measured(proxy: ProxyProcess, script: string): MeasuredProxy {
  return {
    name: proxy.name,
    warm: (load) => warmUp(proxy, load, script),
    cost: async (load) => (await putLoad(proxy, load, script)).cpuPerRequest,
  };
}
